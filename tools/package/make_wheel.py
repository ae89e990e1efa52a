"""Makes the wheel of the Python package.

  make_wheel.py --version_header=VERSION_H --license=LICENSE --out=FOLDER FILE...

The files are those of the package `rct`, under a folder of this name. Writes
rct-VERSION-TAG.whl to the folder. Two calls with the same files write the same bytes:
entries are sorted and have one time.

The tag says which systems the extension runs on: the CPython that it was built for,
and the oldest manylinux policy whose system libraries have all that it takes from the
system, by the versions of its symbols (PEP 600). What a policy does not have ends the
script.
"""

import argparse
import base64
import hashlib
import io
import pathlib
import re
import subprocess
import sys
import sysconfig
import tempfile
import zipfile

# The newest versions of symbols that each policy has on x86-64, and the shared
# libraries that a wheel of any of them may take from the system.
POLICIES = [
    ("manylinux_2_17", {"GLIBC": (2, 17), "GLIBCXX": (3, 4, 19), "CXXABI": (1, 3, 7), "GCC": (4, 8, 0)}),
    ("manylinux_2_28", {"GLIBC": (2, 28), "GLIBCXX": (3, 4, 25), "CXXABI": (1, 3, 11), "GCC": (7, 0, 0)}),
    ("manylinux_2_31", {"GLIBC": (2, 31), "GLIBCXX": (3, 4, 28), "CXXABI": (1, 3, 12), "GCC": (7, 0, 0)}),
    ("manylinux_2_34", {"GLIBC": (2, 34), "GLIBCXX": (3, 4, 29), "CXXABI": (1, 3, 13), "GCC": (7, 0, 0)}),
    ("manylinux_2_35", {"GLIBC": (2, 35), "GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0, 0)}),
]
LIBRARIES = {"ld-linux-x86-64.so.2", "libc.so.6", "libgcc_s.so.1", "libm.so.6", "libstdc++.so.6", "libz.so.1"}

TIME = (1980, 1, 1, 0, 0, 0)  # the first that a ZIP file has

METADATA = """\
Metadata-Version: 2.1
Name: rct
Version: {version}
Summary: Exact nearest neighbors under residual correlation, and Vecchia models
License: Apache-2.0
Requires-Python: =={python}.*
Requires-Dist: numpy<2,>=1.24
Provides-Extra: sklearn
Requires-Dist: scikit-learn<1.6,>=1.2; extra == "sklearn"
Provides-Extra: plot
Requires-Dist: matplotlib>=3.6; extra == "plot"
Classifier: Operating System :: POSIX :: Linux
Classifier: Programming Language :: C++
Classifier: Programming Language :: Python :: 3
Classifier: Topic :: Scientific/Engineering
Classifier: Typing :: Typed
Description-Content-Type: text/plain

{description}"""

WHEEL = """\
Wheel-Version: 1.0
Generator: make_wheel.py
Root-Is-Purelib: false
Tag: {tag}
"""


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def policy_of(extension):
    """Returns the oldest policy that has what a shared library needs."""
    needed = set(re.findall(r"Shared library: \[(.*)\]", run("readelf", "--dynamic", "--wide", extension)))
    if not needed <= LIBRARIES:
        sys.exit(f"{extension} needs {', '.join(sorted(needed - LIBRARIES))}, which no policy has")
    newest = {}
    for name, version in re.findall(r"\(([A-Z]+)_([0-9.]+)\)", run("objdump", "-T", extension)):
        newest[name] = max(newest.get(name, ()), tuple(map(int, version.split("."))))
    for policy, has in POLICIES:
        if all(version <= has.get(name, ()) for name, version in newest.items() if name != "ZLIB"):
            return policy
    sys.exit(f"{extension} needs {newest}, which no policy has")


def stripped(extension):
    with tempfile.NamedTemporaryFile() as file:
        run("strip", "--strip-unneeded", "-o", file.name, extension)
        return pathlib.Path(file.name).read_bytes()


def description_of(init):
    """Returns the docstring of the package."""
    return re.match(r'"""(.*?)"""', init, re.DOTALL).group(1)


def record(entries, own_name):
    """Returns RECORD: name, digest and size of each entry."""
    lines = []
    for name, contents in sorted(entries.items()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(contents).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(contents)}\n")
    return "".join(lines) + f"{own_name},,\n"


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in "version_header", "license", "out":
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("files", nargs="+")
    arguments = parser.parse_args()

    version = re.search(r'kVersion = "([^"]*)"', pathlib.Path(arguments.version_header).read_text()).group(1)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    entries = {}
    for file in arguments.files:
        name = file[file.rindex("/rct/") + 1 :]
        if name == "rct/_rct.so":
            entries[f"rct/_rct{sysconfig.get_config_var('EXT_SUFFIX')}"] = stripped(file)
            policy = policy_of(file)
        else:
            entries[name] = pathlib.Path(file).read_bytes()

    interpreter = "cp" + python.replace(".", "")
    tag = f"{interpreter}-{interpreter}-{policy}_x86_64"
    about = f"rct-{version}.dist-info"
    description = description_of(entries["rct/__init__.py"].decode())
    entries[f"{about}/METADATA"] = METADATA.format(
        version=version, python=python, description=description).encode()
    entries[f"{about}/WHEEL"] = WHEEL.format(tag=tag).encode()
    entries[f"{about}/LICENSE"] = pathlib.Path(arguments.license).read_bytes()
    own_name = f"{about}/RECORD"
    entries[own_name] = record(entries, own_name).encode()

    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, contents in sorted(entries.items()):
            entry = zipfile.ZipInfo(name, TIME)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, contents)
    (pathlib.Path(arguments.out) / f"rct-{version}-{tag}.whl").write_bytes(wheel.getvalue())


if __name__ == "__main__":
    main()
