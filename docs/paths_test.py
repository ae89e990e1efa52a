#!/usr/bin/python3
"""Every path, target and link on the pages leads somewhere."""

import glob
import os
import re
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
ROOMS = ("base", "metric", "traversal", "heuristics", "index", "parity", "experiments", "tools",
         "docs", "third_party")
PAGES = sorted(glob.glob(os.path.join(ROOT, "docs", "*.md"))) + [
    os.path.join(ROOT, name) for name in ("README.md", "CONTRIBUTING.md")]

# Files that a reader makes and that are named like ours. NAME stands for a name.
OF_READERS = {"mine.textproto", "record.textproto", "unfinished.textproto"}

# A path from the root, in prose or in code: "metric/tile.h", "./tools/check".
PATH = re.compile(r"(?<![\w/.:-])(?:\./)?((?:%s)/[\w./*-]*\w)" % "|".join(ROOMS))
# A target: "//docs:example", "//:rct", "//traversal/...".
TARGET = re.compile(r"(?<![\w:])//([\w/]*)(?::([\w.]+)|(/?\.\.\.))")
# A file without its folder, in back ticks: `tile.h`.
NAME = re.compile(r"`(\w+\.(?:h|cc|proto|bzl|py|sh|awk|textproto))`")
LINK = re.compile(r"\]\(([^()\s]+)\)")

# The ends of files that a stem stands for: `metric/rounding_test`.
ENDINGS = ("", ".h", ".cc", ".py", ".sh")


def names_of_files():
    names = set()
    for room in ROOMS:
        for _, folders, files in os.walk(os.path.join(ROOT, room)):
            folders[:] = [f for f in folders if f not in ("node_modules", "sources")]
            names.update(files)
    return names


def path_exists(path):
    return any(glob.glob(os.path.join(ROOT, path + ending)) for ending in ENDINGS)


def target_exists(package, target):
    build = os.path.join(ROOT, package, "BUILD")
    if not target:
        return os.path.isdir(os.path.join(ROOT, package))
    if not os.path.exists(build):
        return False
    if target == "all":
        return True
    with open(build, encoding="utf-8") as file:
        return (f'name = "{target}"' in file.read() or
                os.path.exists(os.path.join(ROOT, package, target)))


def anchors(page):
    """The anchors of a page's headings, as they are made on the web."""
    with open(page, encoding="utf-8") as file:
        headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", file.read(), flags=re.S), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def link_exists(page, link):
    if re.match(r"https?:", link):
        return True
    path, _, anchor = link.partition("#")
    file = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
    return os.path.exists(file) and (not anchor or anchor in anchors(file))


def check(page, text, names):
    """Returns what the text of `page` names, and those of it that are not there."""
    found, missing = 0, []
    for match in PATH.finditer(text):
        found += 1
        missing += [] if "NAME" in match[1] or path_exists(match[1]) else [match[1]]
    for match in TARGET.finditer(text):
        package = match[1].rstrip("/")
        found += 1
        missing += [] if target_exists(package, match[2]) else [match[0]]
    for match in NAME.finditer(text):
        found += 1
        known = match[1].startswith("NAME") or match[1] in names | OF_READERS
        missing += [] if known else [match[1]]
    for match in LINK.finditer(text):
        found += 1
        missing += [] if link_exists(page, match[1]) else [match[1]]
    return found, missing


class PathsTest(unittest.TestCase):

    def test_finds_what_is_missing(self):
        text = ("`metric/tile.h` and [it](../README.md#layout), `//docs:example`, `tile.h`, but "
                "`metric/gone.h`, ./tools/gone, `gone.cc`, //docs:gone, //gone/..., "
                "[it](gone.md), [it](../README.md#gone)\n    run base/gone_test\n")
        found, missing = check(PAGES[0], text, names_of_files())
        self.assertEqual(found, 12)
        self.assertEqual(missing, ["metric/gone.h", "tools/gone", "base/gone_test", "//docs:gone",
                                   "//gone/...", "gone.cc", "gone.md", "../README.md#gone"])

    def test_pages(self):
        names = names_of_files()
        total = 0
        for page in PAGES:
            with self.subTest(os.path.relpath(page, ROOT)):
                with open(page, encoding="utf-8") as file:
                    found, missing = check(page, file.read(), names)
                total += found
                self.assertEqual(missing, [])
        self.assertGreater(total, 300)


if __name__ == "__main__":
    unittest.main()
