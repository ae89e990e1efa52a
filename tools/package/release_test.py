#!/usr/bin/python3
"""The version and the date of the release are the same wherever they are written."""

import datetime
import email.utils
import pathlib
import re
import unittest


def found(pattern, path):
    """Returns the groups of the first match in a file."""
    return re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE).groups()


class ReleaseTest(unittest.TestCase):
    def setUp(self):
        (self.version,) = found(r'kVersion = "([^"]*)"', "base/version.h")

    def test_version(self):
        self.assertRegex(self.version, r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")
        self.assertEqual(found(r"^Version: (.*)$", "tools/r/rct/DESCRIPTION"), (self.version,))

    def test_changelogs(self):
        version, date = found(r"^## (\d\S*) \((.*)\)$", "CHANGELOG.md")
        self.assertEqual(version, self.version)
        (stamp,) = found(r"^ -- .*>  (.*)$", "tools/package/files/changelog.in")
        time = email.utils.parsedate_to_datetime(stamp)
        self.assertEqual(time.date(), datetime.date.fromisoformat(date))
        self.assertEqual(time.strftime("%a"), stamp[:3])  # which email.utils does not read

    def test_maintainer(self):
        maintainer = found(r"^ -- (.*) <(.*)>  ", "tools/package/files/changelog.in")
        author = found(r'person\("([^"]*)"[^)]*\),\s+email = "([^"]*)"', "tools/r/rct/DESCRIPTION")
        self.assertEqual(author, maintainer)


if __name__ == "__main__":
    unittest.main()
