"""What Debian packages have in common: their control files, documents and bytes.

Two calls with the same files write the same bytes: times are that of the changelog's
entry, owners are root, and entries are sorted.
"""

import email.utils
import gzip
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# What programs and libraries take from the system: the package and the least version
# of it, the pattern of the shared libraries in it, and the newest of their symbols'
# versions that this version of the package has.
DEPENDENCIES = [
    ("libc6 (>= 2.34)", r"lib[cm]\.so\.6|ld-linux.*", {"GLIBC": (2, 34)}),
    ("libgcc-s1 (>= 3.0)", r"libgcc_s\.so\.1", {"GCC": (3, 0)}),
    ("libstdc++6 (>= 11)", r"libstdc\+\+\.so\.6", {"GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13)}),
    ("zlib1g (>= 1:1.1.4)", r"libz\.so\.1", {}),
    ("librct0 (>= @VERSION@)", r"librct\.so\.0", {"RCT": (0,)}),
    ("r-base-core (>= @R_VERSION@)", r"libR\.so", {}),
]

WORD = r"@([A-Z][A-Z0-9_]*)@"


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def needed(binary):
    """Returns the Depends of a binary; ends where DEPENDENCIES do not have what it needs."""
    dynamic = run("readelf", "--dynamic", "--wide", binary)
    packages, newest = set(), {}
    for name in re.findall(r"Shared library: \[(.*)\]", dynamic):
        found = [(package, versions) for package, pattern, versions in DEPENDENCIES if re.fullmatch(pattern, name)]
        if not found:
            sys.exit(f"{binary} needs {name}, which is of no package in debian.py")
        packages.add(found[0][0])
        newest.update(found[0][1])
    for name, version in re.findall(r"\(([A-Z]+)_([0-9.]+)\)", run("objdump", "-T", binary)):
        if name in newest and tuple(map(int, version.split("."))) > newest[name]:
            sys.exit(f"{binary} needs {name}_{version}, of a later version than debian.py says")
    return ", ".join(sorted(packages))


def stripped(binary, into):
    into.parent.mkdir(parents=True, exist_ok=True)
    run("strip", "--remove-section=.comment", "--remove-section=.note", "--strip-unneeded",
        "-o", into, os.path.realpath(binary))


def write(path, contents):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())


def zipped(text):
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def indented(text):
    """Returns a license as a paragraph of a Debian copyright file."""
    return "\n".join(" " + (line.strip() or ".") for line in text.strip().split("\n"))


def license_of(package, name, known_as):
    """Returns a license of a Debian package, by its name there, under another one."""
    text = pathlib.Path(f"/usr/share/doc/{package}/copyright").read_text()
    found = re.search(rf"^License: {re.escape(name)}\n((?: .*\n)+)", text, re.MULTILINE)
    return f"License: {known_as}\n{found[1]}"


class Packager:
    """Makes packages of what a function puts into an empty folder.

    `words` replace @WORDS@ in files of the folder `files`: changelog.in, control.in, with
    a paragraph for each package, copyright.in, and copyright-PART.in for parts of others.
    A package may have the files PACKAGE.lintian-overrides, .postinst and .prerm there.
    """

    def __init__(self, files, words):
        self.files = pathlib.Path(files)
        self.words = words
        self.architecture = run("dpkg", "--print-architecture").strip()
        self.changelog = self.filled("changelog.in")
        self.maintainer, date = re.search(r"^ -- (.*>)  (.*)$", self.changelog, re.MULTILINE).groups()
        self.time = email.utils.parsedate_to_datetime(date)

    def replaced(self, text):
        """Returns a text with its @WORDS@ replaced, and those in words."""
        while re.search(WORD, text):
            text = re.sub(WORD, lambda word: self.words[word[1]], text)
        return text

    def filled(self, name):
        return self.replaced((self.files / name).read_text())

    def paragraph(self, package):
        """Returns the paragraph of a package in control.in, as (fields, description)."""
        paragraphs = (self.files / "control.in").read_text().strip().split("\n\n")
        [paragraph] = [text for text in paragraphs if text.startswith(f"Package: {package}\n")]
        return self.replaced(paragraph).split("\nDescription:")

    def control(self, package, root):
        fields, description = self.paragraph(package)
        lines = fields.split("\n")
        size = sum(-(-path.lstat().st_size // 1024) if path.is_file() and not path.is_symlink() else 1
                   for path in (root / "usr").rglob("*"))
        lines[1:1] = ["Source: rct"] * (package != "rct") + [
            f"Version: {self.words['DEBIAN_VERSION']}",
            f"Architecture: {self.architecture}",
            f"Maintainer: {self.maintainer}",
            f"Installed-Size: {size}",
        ]
        return "\n".join(lines + ["Priority: optional", "Description:" + description]) + "\n"

    def scripts(self, package, root):
        for script in "postinst", "prerm":
            source = self.files / f"{package}.{script}"
            if source.exists():
                write(root / "DEBIAN" / script, source.read_text())
                (root / "DEBIAN" / script).chmod(0o755)

    def finish(self, package, root, parts):
        """Adds what every package has, and its control files."""
        documents = root / "usr/share/doc" / package
        write(documents / "changelog.Debian.gz", zipped(self.changelog))
        names = ["copyright.in", *(f"copyright-{part}.in" for part in parts)]
        write(documents / "copyright", "\n".join(self.filled(name) for name in names))
        overrides = self.files / f"{package}.lintian-overrides"
        if overrides.exists():
            write(root / "usr/share/lintian/overrides" / package, overrides.read_text())
        write(root / "DEBIAN/control", self.control(package, root))
        write(root / "DEBIAN/md5sums", "".join(
            f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n"
            for path in sorted((root / "usr").rglob("*")) if path.is_file() and not path.is_symlink()))
        for path in root.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        self.scripts(package, root)
        root.chmod(0o755)

    def make(self, package, fill, out, parts=()):
        """Writes PACKAGE.deb, with what fill(root) puts into root, to the folder `out`.

        What fill returns, if anything, is the word DEPENDS. `parts` names the projects
        of which the package has parts.
        """
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder) / package
            root.mkdir()
            self.words["DEPENDS"] = fill(root)
            self.finish(package, root, parts)
            environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(self.time.timestamp()))}
            run("dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "--build", root,
                pathlib.Path(out) / f"{package}.deb", env=environment)
