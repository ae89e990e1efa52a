#!/usr/bin/env python3
"""Line coverage in lcov's format.

Bazel runs this after each test, for what gcov wrote into --coverage_dir, and
once more in the end, for the sum of the tests' reports in --reports_file.
"""

import argparse
import collections
import glob
import gzip
import json
import os


def from_gcov(path):
    """Yields (file, line, count) of one .gcov.json.gz."""
    with gzip.open(path) as report:
        for file in json.load(report)["files"]:
            for line in file["lines"]:
                yield file["file"], line["line_number"], line["count"]


def from_lcov(path):
    """Yields (file, line, count) of one report that this program wrote."""
    with open(path) as report:
        for entry in report:
            tag, _, value = entry.strip().partition(":")
            if tag == "SF":
                file = value
            elif tag == "DA":
                line, count = value.split(",")
                yield file, int(line), int(count)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--coverage_dir")
    parser.add_argument("--output_file", required=True)
    parser.add_argument("--reports_file")
    parser.add_argument("--source_file_manifest")
    options, _ = parser.parse_known_args()

    if options.reports_file:
        with open(options.reports_file) as reports:
            entries = [e for report in reports for e in from_lcov(report.strip())]
    else:
        with open(options.source_file_manifest) as manifest:
            ours = set(manifest.read().split())
        reports = glob.glob(os.path.join(options.coverage_dir, "*.gcov.json.gz"))
        entries = [e for report in reports for e in from_gcov(report) if e[0] in ours]

    counts = collections.defaultdict(collections.Counter)
    for file, line, count in entries:
        counts[file][line] += count

    with open(options.output_file, "w") as output:
        for file, lines in sorted(counts.items()):
            output.write(f"SF:{file}\n")
            for line, count in sorted(lines.items()):
                output.write(f"DA:{line},{count}\n")
            output.write(f"LH:{sum(count > 0 for count in lines.values())}\nLF:{len(lines)}\nend_of_record\n")


if __name__ == "__main__":
    main()
