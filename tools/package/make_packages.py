"""Makes the Debian packages of the command line, the library, and for Python and R.

  make_packages.py --program=RCT --library=LIBRCT --header=RCT_H --wheel=FOLDER
    --r_package=FOLDER --protobuf_license=FILE --files=FOLDER --out=FOLDER

Writes rct.deb, librct0.deb, librct-dev.deb, python3-rct.deb and r-cran-rct.deb to the
folder. What is for Python is what the wheel has. Two calls with the same files write
the same bytes.
"""

import argparse
import pathlib
import re
import sys
import tempfile
import zipfile

import r_package
from debian import Packager, indented, license_of, needed, run, stripped, write, zipped

HERE = pathlib.Path(__file__).parent
MODULES = "usr/lib/python3/dist-packages"

# What the wheel asks for, in Debian's words: the package and its epoch.
PYTHON_PACKAGES = {"numpy": ("python3-numpy", "1:"), "scikit-learn": ("python3-sklearn", ""),
                   "matplotlib": ("python3-matplotlib", "")}


def relations(package, limits):
    """Returns the relations of Debian's for ">=1.2,<1.6" or the like."""
    signs = {">=": ">=", "<": "<<"}
    pairs = sorted(re.findall(r"(>=|<)([0-9.:]+)", limits), reverse=True)
    return ", ".join(f"{package} ({signs[sign]} {version}~)" for sign, version in pairs)


class Contents:
    """What each package has: functions that put it into an empty folder.

    They return what the package depends on by what is linked, if anything is.
    """

    def __init__(self, arguments):
        self.arguments = arguments
        self.libraries = "usr/lib/" + run("gcc", "-print-multiarch").strip()
        self.version = run(arguments.program, "--version").split()[1]
        [wheel] = pathlib.Path(arguments.wheel).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            self.wheel = {name: archive.read(name) for name in archive.namelist()}
        self.packager = Packager(arguments.files, self.words())

    def words(self):
        return {
            "VERSION": self.version,
            "DEBIAN_VERSION": self.version + "-1",
            "MULTIARCH": pathlib.Path(self.libraries).name,
            "R_VERSION": run("Rscript", "-e", "cat(format(getRversion()))"),
            "LICENSE_OF_PROTOBUF": indented(pathlib.Path(self.arguments.protobuf_license).read_text()),
            "LICENSE_OF_XSIMD": license_of("libxsimd-dev", "BSD-3-clause", "BSD-3-clause-xsimd"),
            "LICENSE_OF_PYBIND11": license_of("pybind11-dev", "BSD-3-Clause+CLA", "BSD-3-clause-pybind11"),
            **self.words_of_wheel(),
        }

    def words_of_wheel(self):
        """Returns what python3-rct asks for: PYTHON, PYTHON3_NUMPY and so on."""
        [metadata] = [text.decode() for name, text in self.wheel.items() if name.endswith("/METADATA")]
        [minor] = re.findall(r"^Requires-Python: ==3\.(\d+)\.\*$", metadata, re.MULTILINE)
        words = {"PYTHON": relations("python3", f">=3.{minor},<3.{int(minor) + 1}")}
        for name, (package, epoch) in PYTHON_PACKAGES.items():
            [limits] = re.findall(rf"^Requires-Dist: {name}([^;\n]*)", metadata, re.MULTILINE)
            limits = re.sub(r"(?<=[=<])(?=\d)", epoch, limits)
            words[package.upper().replace("-", "_")] = relations(package, limits)
        return words

    def help_page(self, what):
        date = self.packager.time.strftime("%Y-%m-%d")
        return run(sys.executable, "-B", HERE / "help_pages.py", what, self.arguments.program, date)

    def rct(self, root):
        stripped(self.arguments.program, root / "usr/bin/rct")
        write(root / "usr/share/man/man1/rct.1.gz", zipped(self.help_page("man")))
        write(root / "usr/share/bash-completion/completions/rct", self.help_page("bash"))
        return needed(root / "usr/bin/rct")

    def librct0(self, root):
        library = root / self.libraries / "librct.so.0"
        stripped(self.arguments.library, library)
        write(root / "DEBIAN/shlibs", f"librct 0 librct0 (>= {self.version})\n")
        write(root / "DEBIAN/triggers", "activate-noawait ldconfig\n")
        write(root / "DEBIAN/symbols", self.symbols())
        return needed(library)

    def symbols(self):
        shown = run("nm", "-D", "--extern-only", "--defined-only", self.arguments.library)
        names = sorted(line.split()[2] for line in shown.splitlines())
        lines = [f" {name.replace('@@', '@')} {self.version}" for name in names if "@" in name]
        first = ["librct.so.0 librct0 #MINVER#", "* Build-Depends-Package: librct-dev"]
        return "\n".join([*first, f" RCT_0@RCT_0 {self.version}", *lines]) + "\n"

    def librct_dev(self, root):
        write(root / "usr/include/rct.h", pathlib.Path(self.arguments.header).read_text())
        for name, folder in [("rct.pc", "pkgconfig"), ("rctConfig.cmake", "cmake/rct"),
                             ("rctConfigVersion.cmake", "cmake/rct")]:
            write(root / self.libraries / folder / name, self.packager.filled(name + ".in"))
        (root / self.libraries / "librct.so").symlink_to("librct.so.0")

    def python3_rct(self, root):
        # RECORD, which dpkg's own list replaces, would have pip remove dpkg's files.
        for name, contents in self.wheel.items():
            if pathlib.Path(name).name not in ("RECORD", "LICENSE"):
                write(root / MODULES / name, contents)
        write(root / MODULES / f"rct-{self.version}.dist-info/INSTALLER", "debian\n")
        [extension] = (root / MODULES / "rct").glob("_rct.*.so")
        stripped(extension, extension)
        return needed(extension)

    def r_cran_rct(self, root):
        with tempfile.TemporaryDirectory() as folder:
            r_package.install(self.arguments, self.packager.time, pathlib.Path(folder), root / r_package.LIBRARY)
        extension = root / r_package.LIBRARY / "rct/libs/rct.so"
        stripped(extension, extension)
        return needed(extension)


def main():
    parser = argparse.ArgumentParser()
    for name in ["program", "library", "header", "wheel", "r_package", "protobuf_license", "files", "out"]:
        parser.add_argument("--" + name, required=True)
    arguments = parser.parse_args()
    contents = Contents(arguments)
    make, out = contents.packager.make, arguments.out
    make("rct", contents.rct, out, parts=["linked"])
    make("librct0", contents.librct0, out, parts=["linked"])
    make("librct-dev", contents.librct_dev, out)
    make("python3-rct", contents.python3_rct, out, parts=["linked", "pybind11"])
    make("r-cran-rct", contents.r_cran_rct, out)


main()
