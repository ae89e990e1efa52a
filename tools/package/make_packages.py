"""Makes the Debian packages of the command line and of the library.

  make_packages.py --program=RCT --library=LIBRCT --header=RCT_H
    --protobuf_license=FILE --files=FOLDER --out=FOLDER

Writes rct.deb, librct0.deb and librct-dev.deb to the folder. Two calls with the
same files write the same bytes: times are that of the changelog's last entry,
owners are root, and entries are sorted.
"""

import argparse
import email.utils
import gzip
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

XSIMD_LICENSE = pathlib.Path("/usr/share/doc/libxsimd-dev/copyright")
HERE = pathlib.Path(__file__).parent

# What the program and the library take from the system: the package and the least
# version of it, the pattern of the shared libraries in it, and the newest of their
# symbols' versions that this version of the package has.
DEPENDENCIES = [
    ("libc6 (>= 2.34)", r"lib[cm]\.so\.6|ld-linux.*", {"GLIBC": (2, 34)}),
    ("libgcc-s1 (>= 3.0)", r"libgcc_s\.so\.1", {"GCC": (3, 0)}),
    ("libstdc++6 (>= 11)", r"libstdc\+\+\.so\.6", {"GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13)}),
    ("zlib1g (>= 1:1.1.4)", r"libz\.so\.1", {}),
]


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(binary):
    """Returns the Depends of a binary; ends where DEPENDENCIES do not have what it needs."""
    dynamic = run("readelf", "--dynamic", "--wide", binary)
    packages, newest = set(), {}
    for name in re.findall(r"Shared library: \[(.*)\]", dynamic):
        found = [(package, versions) for package, pattern, versions in DEPENDENCIES if re.fullmatch(pattern, name)]
        if not found:
            sys.exit(f"{binary} needs {name}, which is of no package in make_packages.py")
        packages.add(found[0][0])
        newest.update(found[0][1])
    for name, version in re.findall(r"\(([A-Z]+)_([0-9.]+)\)", run("objdump", "-T", binary)):
        if tuple(map(int, version.split("."))) > newest[name]:
            sys.exit(f"{binary} needs {name}_{version}, of a later version than make_packages.py says")
    return ", ".join(sorted(packages))


def indented(text):
    """Returns a license as a paragraph of a Debian copyright file."""
    return "\n".join(" " + (line.strip() or ".") for line in text.strip().split("\n"))


class Packages:
    def __init__(self, arguments):
        self.arguments = arguments
        self.files = pathlib.Path(arguments.files)
        self.version = run(arguments.program, "--version").split()[1]
        self.architecture = run("dpkg", "--print-architecture").strip()
        self.multiarch = run("gcc", "-print-multiarch").strip()
        self.words = {
            "VERSION": self.version,
            "DEBIAN_VERSION": self.version + "-1",
            "MULTIARCH": self.multiarch,
            "DEPENDS_OF_PROGRAM": needed(arguments.program),
            "DEPENDS_OF_LIBRARY": needed(arguments.library),
            "LICENSE_OF_PROTOBUF": indented(pathlib.Path(arguments.protobuf_license).read_text()),
            "LICENSE_OF_XSIMD": self.license_of_xsimd(),
        }
        self.changelog = self.filled("changelog.in")
        self.maintainer, date = re.search(r"^ -- (.*>)  (.*)$", self.changelog, re.MULTILINE).groups()
        self.time = email.utils.parsedate_to_datetime(date)
        self.libraries = f"usr/lib/{self.multiarch}"

    @staticmethod
    def license_of_xsimd():
        text = XSIMD_LICENSE.read_text()
        found = re.search(r"^License: BSD-3-clause\n((?: .*\n)+)", text, re.MULTILINE)
        return found[1].rstrip("\n")

    def filled(self, name):
        """Returns a file of the folder with its @WORDS@ replaced."""
        return re.sub(r"@([A-Z_]+)@", lambda word: self.words[word[1]], (self.files / name).read_text())

    def help_page(self, what):
        date = self.time.strftime("%Y-%m-%d")
        return run(sys.executable, "-B", HERE / "help_pages.py", what, self.arguments.program, date)

    def stripped(self, binary, into):
        into.parent.mkdir(parents=True, exist_ok=True)
        run("strip", "--remove-section=.comment", "--remove-section=.note", "--strip-unneeded",
            "-o", into, os.path.realpath(binary))

    def fill_rct(self, root):
        self.stripped(self.arguments.program, root / "usr/bin/rct")
        write(root / "usr/share/man/man1/rct.1.gz", zipped(self.help_page("man")))
        write(root / "usr/share/bash-completion/completions/rct", self.help_page("bash"))

    def fill_librct0(self, root):
        self.stripped(self.arguments.library, root / self.libraries / "librct.so.0")
        write(root / "DEBIAN/shlibs", f"librct 0 librct0 (>= {self.version})\n")
        write(root / "DEBIAN/triggers", "activate-noawait ldconfig\n")
        write(root / "DEBIAN/symbols", self.symbols())

    def symbols(self):
        shown = run("nm", "-D", "--extern-only", "--defined-only", self.arguments.library)
        names = sorted(line.split()[2] for line in shown.splitlines())
        lines = [f" {name.replace('@@', '@')} {self.version}" for name in names if "@" in name]
        first = ["librct.so.0 librct0 #MINVER#", "* Build-Depends-Package: librct-dev"]
        return "\n".join([*first, f" RCT_0@RCT_0 {self.version}", *lines]) + "\n"

    def fill_librct_dev(self, root):
        write(root / "usr/include/rct.h", pathlib.Path(self.arguments.header).read_text())
        for name, folder in [("rct.pc", "pkgconfig"), ("rctConfig.cmake", "cmake/rct"),
                             ("rctConfigVersion.cmake", "cmake/rct")]:
            write(root / self.libraries / folder / name, self.filled(name + ".in"))
        (root / self.libraries / "librct.so").symlink_to("librct.so.0")

    def control(self, package, root):
        paragraphs = self.filled("control.in").strip().split("\n\n")
        [paragraph] = [text for text in paragraphs if text.startswith(f"Package: {package}\n")]
        first, description = paragraph.split("\nDescription:")
        size = sum(-(-path.lstat().st_size // 1024) if path.is_file() and not path.is_symlink() else 1
                   for path in (root / "usr").rglob("*"))
        lines = first.split("\n")
        lines[1:1] = ["Source: rct"] * (package != "rct") + [
            f"Version: {self.words['DEBIAN_VERSION']}",
            f"Architecture: {self.architecture}",
            f"Maintainer: {self.maintainer}",
            f"Installed-Size: {size}",
        ]
        return "\n".join(lines + ["Priority: optional", "Description:" + description]) + "\n"

    def finish(self, package, root):
        """Adds what every package has, and its control files."""
        documents = root / "usr/share/doc" / package
        write(documents / "changelog.Debian.gz", zipped(self.changelog))
        write(documents / "copyright", self.filled("copyright.in"))
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
        root.chmod(0o755)

    def make(self, package, fill, out):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder) / package
            root.mkdir()
            fill(root)
            self.finish(package, root)
            environment = {**os.environ, "SOURCE_DATE_EPOCH": str(int(self.time.timestamp()))}
            subprocess.run(
                ["dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "--build", root, out],
                check=True, env=environment, stdout=subprocess.DEVNULL)


def write(path, contents):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())


def zipped(text):
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def main():
    parser = argparse.ArgumentParser()
    for name in ["program", "library", "header", "protobuf_license", "files", "out"]:
        parser.add_argument("--" + name, required=True)
    arguments = parser.parse_args()
    packages = Packages(arguments)
    out = pathlib.Path(arguments.out)
    packages.make("rct", packages.fill_rct, out / "rct.deb")
    packages.make("librct0", packages.fill_librct0, out / "librct0.deb")
    packages.make("librct-dev", packages.fill_librct_dev, out / "librct-dev.deb")


main()
