"""Writes compile_commands.json from Bazel's own account of its compilations.

    ./tools/bazel aquery 'mnemonic(CppCompile, //...)' --output=jsonproto |
      python3 tools/compile_commands.py $(./tools/bazel info output_base)

clang-tidy and editors read that file. Its directory is the workspace, so that
they name a source as we do.
"""

import json
import os
import sys

# Without -Werror it is .clang-tidy that decides which of clang's warnings count,
# and in which files; of the others clang-tidy could only complain.
DROPPED = ("-Werror", "-fno-canonical-system-headers", "-D__")


def for_clang(arguments, output_base):
    """A gcc command line of Bazel's, as clang's tools understand it."""
    return [
        os.path.join(output_base, a) if a.startswith("external/") else a
        for a in arguments
        if not a.startswith(DROPPED)
    ] + ["-Wno-unknown-warning-option"]


def main():
    (output_base,) = sys.argv[1:]
    commands = []
    for action in json.load(sys.stdin)["actions"]:
        arguments = action["arguments"]
        source = arguments[arguments.index("-c") + 1]
        if not source.startswith(("external/", "bazel-out/")):
            commands.append({
                "directory": os.getcwd(),
                "file": source,
                "arguments": for_clang(arguments, output_base),
            })
    with open("compile_commands.json", "w") as file:
        json.dump(commands, file, indent=1)


if __name__ == "__main__":
    main()
