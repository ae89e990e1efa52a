"""Makes a manual page, or completions for bash, of what `rct --help` says.

  help_pages.py man|bash PROGRAM DATE >FILE

The help is the only place where commands and flags are described. It has a form
that these functions rely on and packages_test.sh checks: a line "NAME: what it
is.", paragraphs, flags with their meaning from a fixed column on, and an example.
"""

import re
import subprocess
import sys

FLAG = re.compile(r"^ {2,4}(--[a-z_]+)(=\S+)?(?: {2,}| (?=\S))(.*)$")
WORD = re.compile(r"^ {2,4}([a-z_]+) {2,}(\S.*)$")
CONTINUED = re.compile(r"^ {8,}(\S.*)$")


class Help:
    """The help of a command, or of the program, as a list of parts.

    A part is (kind, ...): ("text", string), ("flag", name, value, meaning),
    ("word", name, meaning), ("heading", name) or ("lines", list of lines).
    """

    def __init__(self, text):
        first, *rest = text.rstrip("\n").split("\n")
        self.name, self.title = re.fullmatch(r"([a-z ]+): (.+)\.", first).groups()
        self.parts = []
        self.meaning = None  # where a line that continues a meaning goes
        for line in rest:
            self.add(line)

    def add(self, line):
        flag, word, continued = FLAG.match(line), WORD.match(line), CONTINUED.match(line)
        if self.parts and self.parts[-1] == ("heading", "Example") and line:
            self.parts.append(("lines", [line[2:]]))
        elif self.is_in("lines") and line:
            self.parts[-1][1].append(line[2:])
        elif flag:
            # "--one=A --other=B  their meaning": two flags that go together.
            other = FLAG.match("  " + flag[3])
            meaning = other[3] if other else flag[3]
            self.parts.append(["flag", flag[1], flag[2] or "", meaning])
            if other:
                self.parts.append(["flag", other[1], other[2] or "", meaning])
        elif continued and self.is_in("flag", "word"):
            self.parts[-1][-1] += " " + continued[1]
        elif word:
            self.parts.append(["word", word[1], word[2]])
        elif not line:
            self.parts.append(("end",))
        elif re.fullmatch(r"[A-Z][a-z]+", line):
            self.parts.append(("heading", line))
        elif line.startswith("  "):
            self.parts.append(("lines", [line[2:]]))
        elif self.is_in("text"):
            self.parts[-1][1] += " " + line
        else:
            self.parts.append(["text", line])

    def is_in(self, *kinds):
        return bool(self.parts) and self.parts[-1][0] in kinds

    def flags(self):
        """Returns (name, value, meaning) of each flag, also of those in a synopsis."""
        flags = [part[1:] for part in self.parts if part[0] == "flag"]
        lines = [line for part in self.parts if part[0] == "lines" for line in part[1]]
        return flags + [[*found, ""] for found in re.findall(r"\[(--[a-z_]+)(=[a-zA-Z|]+)?", " ".join(lines))]

    def words(self):
        return [part[1] for part in self.parts if part[0] == "word"]


def read(program):
    """Returns the help of the program and of each of its commands."""

    def ask(*arguments):
        return Help(subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout)

    whole = ask("--help")
    return whole, [ask(name, "--help") for name in whole.words()]


def roff(text):
    """Returns text that roff shows as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    text = text.replace("'", "\\(aq").replace("`", "\\(ga")
    return "\\&" + text if text.startswith(".") else text


def man_parts(help_text):
    """Yields the lines of a page for the parts of a help text."""
    for kind, *part in help_text.parts:
        if kind == "text":
            yield from [".PP", roff(part[0])]
        elif kind == "flag":
            value = f"\\fI{roff(part[1])}\\fR" if part[1] else ""
            yield from [".TP", f"\\fB{roff(part[0])}\\fR{value}", roff(part[2])]
        elif kind == "word":
            yield from [".TP", f"\\fB{roff(part[0])}\\fR", roff(part[1])]
        elif kind == "heading":
            yield from [".PP", f"\\fB{part[0]}\\fR"]
        elif kind == "lines":
            yield from [".PP", ".EX", *map(roff, part[0]), ".EE"]


def man_page(program, date):
    whole, commands = read(program)
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    lines = [
        f'.TH RCT 1 "{date}" "{version.strip()}" "User Commands"',
        ".SH NAME",
        f"rct \\- {roff(whole.title)}",
        ".SH SYNOPSIS",
        "\\fBrct\\fR \\fICOMMAND\\fR [\\fIFLAG\\fR ...] [\\fIFILE\\fR ...]",
        ".SH DESCRIPTION",
        *man_parts(whole),
        ".SH COMMANDS",
    ]
    for command in commands:
        title = command.title[0].upper() + command.title[1:]
        lines += [f'.SS "{roff(command.name)}"', roff(title) + ".", *man_parts(command)]
    return "\n".join(lines) + "\n"


def choices(value, meaning):
    """Returns the words that a flag takes, where its help lists them."""
    if re.fullmatch(r"=[a-z]+(\|[a-z]+)+", value):
        return value[1:].split("|")
    if value != "=NAME":
        return []
    listed = re.sub(r" \([^)]*\)", "", meaning)
    found = re.match(r"([a-z0-9_+]+(?:,(?: or)? [a-z0-9_+]+)+)(?:[:;]|$)", listed)
    return re.split(r",(?: or)? ", found[1]) if found else []


BASH = """# Completions of rct for bash, made of what `rct --help` says.

_rct() {
  local cur=${COMP_WORDS[COMP_CWORD]} flag= words=
  # bash takes --flag=value for three words.
  if [[ $cur == = ]]; then
    flag=${COMP_WORDS[COMP_CWORD - 1]} cur=
  elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then
    flag=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W "@COMMANDS@ --help --version" -- "$cur")
  elif [[ -n $flag ]]; then
    case "${COMP_WORDS[1]} $flag" in
@CHOICES@
      *) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    esac
  elif [[ $cur == -* ]]; then
    case "${COMP_WORDS[1]}" in
@FLAGS@
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words --help" -- "$cur")
    [[ ${COMPREPLY[*]} != *= ]] || compopt -o nospace 2>/dev/null
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  fi
}
complete -o filenames -F _rct rct
"""


def completions(program):
    whole, commands = read(program)
    names, flags, values = whole.words(), [], []
    for name, command in zip(names, commands):
        all_flags = [flag + ("=" if value else "") for flag, value, _ in command.flags()]
        if all_flags:
            flags.append(f'      {name}) words="{" ".join(all_flags)}" ;;')
        for flag, value, meaning in command.flags():
            words = choices(value, meaning)
            if words:
                values.append(
                    f"      '{name} {flag}')\n"
                    f'        mapfile -t COMPREPLY < <(compgen -W "{" ".join(words)}" -- "$cur") ;;'
                )
    text = BASH.replace("@COMMANDS@", " ".join(names))
    return text.replace("@CHOICES@", "\n".join(values)).replace("@FLAGS@", "\n".join(flags))


def main():
    what, program, date = sys.argv[1:]
    sys.stdout.write(man_page(program, date) if what == "man" else completions(program))


main()
