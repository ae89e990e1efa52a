"""Sums up a report of Bazel's about the lines that tests reach.

    python3 tools/coverage.py bazel-out/_coverage/_coverage_report.dat \
      results/coverage/missed.txt base metric

prints a line for each of these folders and for each of their files of which more
than a twentieth is not reached, and writes the lines that are not to the second
file. tools/coverage calls it.
"""

import collections
import os
import sys


def read_report(path):
    """Returns {source: {line: whether a test reaches it}} of an lcov report."""
    sources = collections.defaultdict(dict)
    with open(path, encoding="utf-8") as report:
        for record in report:
            kind, _, value = record.rstrip("\n").partition(":")
            if kind == "SF":
                lines = sources[value]
            elif kind == "DA":
                line, count = value.split(",")[:2]
                line = int(line)
                lines[line] = lines.get(line, False) or int(count) > 0
    return sources


def sum_of(files):
    """Returns what the lines of some files are counted as, in words."""
    reached = sum(sum(lines.values()) for lines in files)
    total = sum(len(lines) for lines in files)
    return f"{reached:,} of {total:,} lines, {100 * reached / max(total, 1):.1f}%"


def main():
    report, missed, *rooms = sys.argv[1:]
    sources = read_report(report)
    os.makedirs(os.path.dirname(missed), exist_ok=True)
    with open(missed, "w", encoding="utf-8") as out:
        for room in rooms:
            files = {
                name: lines
                for name, lines in sorted(sources.items())
                if name.startswith(room + "/") and os.path.exists(name)
            }
            print(f"{room}: {sum_of(files.values())}")
            for name, lines in files.items():
                if sum(lines.values()) < 0.95 * len(lines):
                    print(f"  {name}: {sum_of([lines])}")
                with open(name, encoding="utf-8") as source:
                    texts = source.read().split("\n")
                for line, reached in sorted(lines.items()):
                    if not reached:
                        out.write(f"{name}:{line}: {texts[line - 1].strip()}\n")
    print(f"Every line that is not reached: {missed}")


if __name__ == "__main__":
    main()
