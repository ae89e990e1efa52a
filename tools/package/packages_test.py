#!/usr/bin/python3
"""Tests the Debian packages: their contents, their bytes, and that they work."""

import fnmatch
import gzip
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

PACKAGES = pathlib.Path("tools/package").resolve()
NAMES = ["rct", "python3-rct", "r-cran-rct", "librct-dev", "librct0"]
MULTIARCH = subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True, check=True).stdout.strip()
LIBRARIES = f"usr/lib/{MULTIARCH}"
MODULES = "usr/lib/python3/dist-packages"
R_LIBRARY = "usr/lib/R/site-library"

# Debian's Python with nothing else in its path than the root's modules and NumPy's.
PYTHON_PROGRAM = """
import importlib.metadata, pathlib, sys
import numpy, rct, rct.plot, rct.sklearn
assert pathlib.Path(rct.__file__).is_relative_to(sys.argv[1]), rct.__file__
assert importlib.metadata.version("rct") == rct.__version__
points = numpy.random.default_rng(1).normal(size=(300, 2))
index = rct.ResidualIndex(points, kernel="matern32", lengthscale=0.5, inducing=20)
assert index.graph(k=5, predecessor=True)[0].shape == (300, 5)
model = rct.sklearn.VecchiaRegressor(n_neighbors=5, num_inducing=10).fit(points, points[:, 0])
assert model.predict(points[:2]).shape == (2,)
print(rct.__version__)
"""

R_PROGRAM = """
library(rct)
index <- rct_index(quakes[, 1:2], "euclidean")
stopifnot(dim(rct_nn_array(index, 5)) == c(1000, 6))
print(help("rct_nn_array"))
"""

CONTENTS = {
    "rct": [
        "usr/bin/rct",
        "usr/share/bash-completion/completions/rct",
        "usr/share/man/man1/rct.1.gz",
    ],
    "librct0": [f"{LIBRARIES}/librct.so.0"],
    "librct-dev": [
        "usr/include/rct.h",
        f"{LIBRARIES}/cmake/rct/rctConfig.cmake",
        f"{LIBRARIES}/cmake/rct/rctConfigVersion.cmake",
        f"{LIBRARIES}/librct.so",
        f"{LIBRARIES}/pkgconfig/rct.pc",
    ],
    "python3-rct": [
        *(f"{MODULES}/rct/{name}" for name in [
            "__init__.py", "_estimators.py", "_likelihood.py", "_neighbors.py", "_rct.cpython-311-*.so", "_rct.pyi",
            "_regressor.py", "plot.py", "py.typed", "sklearn.py"]),
        *(f"{MODULES}/rct-*.dist-info/{name}" for name in ["INSTALLER", "METADATA", "WHEEL"]),
    ],
    "r-cran-rct": [
        *(f"{R_LIBRARY}/rct/{name}" for name in [
            "DESCRIPTION", "INDEX", "NAMESPACE", "R/rct", "R/rct.rdb", "R/rct.rdx", "libs/rct.so",
            "Meta/*.rds", "demo/meuse.R", "help/*", "html/*", "tinytest/test_*.R"]),
    ],
}


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def deb(name):
    return PACKAGES / f"{name}.deb"


class PackagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name) / "root"
        for name in NAMES:
            run("dpkg", "-x", deb(name), cls.root)
        cls.program = cls.root / "usr/bin/rct"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_contents(self):
        for name in NAMES:
            entries = [line.split(maxsplit=5) for line in run("dpkg-deb", "-c", deb(name)).splitlines()]
            overrides = f"usr/share/lintian/overrides/{name}"
            expected = CONTENTS[name] + [
                overrides,
                f"usr/share/doc/{name}/changelog.Debian.gz",
                f"usr/share/doc/{name}/copyright",
            ]
            files = []
            for mode, owner, _, _, _, path in entries:
                self.assertEqual(owner, "root/root", path)
                path = path.split(" -> ")[0].removeprefix("./")
                is_program = path.startswith("usr/bin/") and not path.endswith("/")
                kind = {"d": "drwxr-xr-x", "l": "lrwxrwxrwx"}.get(mode[0], "-rwxr-xr-x" if is_program else "-rw-r--r--")
                self.assertEqual(mode, kind, path)
                if mode[0] != "d":
                    files.append(path)
            for pattern in expected:
                found = fnmatch.filter(files, pattern)
                self.assertTrue(found, f"{name}: {pattern}")
                files = [path for path in files if path not in found]
            self.assertEqual(files, [], name)

    def test_control(self):
        version = run(self.program, "--version").split()[1]
        for name in NAMES:
            field = lambda key, name=name: run("dpkg-deb", "-f", deb(name), key).strip()
            self.assertEqual(field("Package"), name)
            self.assertEqual(field("Version"), version + "-1")
            self.assertRegex(field("Maintainer"), r"^[^<]+ <[^@]+@.+>$")
            self.assertEqual(field("Priority"), "optional")
            lines = field("Description").split("\n")
            self.assertLessEqual(len(lines[0]), 80)
            self.assertNotRegex(lines[0], r"^(a|an|the|rct) |\.$")
            for line in lines:
                self.assertLessEqual(len(line), 80)
        self.assertEqual(run("dpkg-deb", "-f", deb("librct-dev"), "Depends").strip(), f"librct0 (= {version}-1)")
        self.assertNotIn("protobuf", run("dpkg-deb", "-f", deb("rct")))
        depends = run("dpkg-deb", "-f", deb("python3-rct"), "Depends")
        for relation in ["python3 (>= 3.11~)", "python3 (<< 3.12~)", "python3-numpy (>= 1:1.24~)",
                         "python3-numpy (<< 1:2~)", "libc6 (>= 2."]:
            self.assertIn(relation, depends)
        recommends = run("dpkg-deb", "-f", deb("python3-rct"), "Recommends")
        self.assertRegex(recommends, r"python3-sklearn \(>= 1.*python3-matplotlib \(>= 3")
        self.assertRegex(run("dpkg-deb", "-f", deb("r-cran-rct"), "Depends"),
                         rf"r-api-4\.0, .*librct0 \(>= {version}\), r-base-core \(>= 4\.\d+\.\d+\)")

    def test_sums(self):
        for name in NAMES:
            sums = run("dpkg-deb", "--ctrl-tarfile", deb(name), errors="replace")
            self.assertIn("md5sums", sums)
        with tempfile.TemporaryDirectory() as folder:
            for name in NAMES:
                run("dpkg-deb", "-e", deb(name), f"{folder}/{name}")
                run("md5sum", "--check", "--strict", f"{folder}/{name}/md5sums", cwd=self.root)
            symbols = pathlib.Path(folder, "librct0/symbols").read_text()
        golden = pathlib.Path("index/c/librct.symbols").read_text().split()
        self.assertEqual(re.findall(r"^ (rct_\w+@RCT_0) ", symbols, re.MULTILINE),
                         [name.replace("@@", "@") for name in golden])

    def test_two_builds_give_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            run(sys.executable, "-B", PACKAGES / "make_packages.py",
                "--program=tools/rct", "--library=index/c/librct.so.0", "--header=index/c/rct.h",
                "--wheel=tools/package/wheel", "--r_package=tools/r/rct",
                "--protobuf_license=../protobuf_runtime/LICENSE", f"--files={PACKAGES / 'files'}", f"--out={folder}",
                env={**os.environ, "TZ": "Asia/Kolkata", "LC_ALL": "C.UTF-8"}, preexec_fn=lambda: os.umask(0o077))
            for name in NAMES:
                self.assertEqual(pathlib.Path(folder, f"{name}.deb").read_bytes(), deb(name).read_bytes(), name)

    def test_page(self):
        page = pathlib.Path("docs/install.md").read_text()
        self.assertEqual(set(re.findall(r"([\w-]+)\.deb\b", page)), set(NAMES))
        self.assertIn("sudo apt remove " + " ".join(NAMES), page)
        sizes = dict(re.findall(r"^\| `([\w-]+)\.deb` \|.*\| (\d.*) \|$", page, re.MULTILINE))
        for name in NAMES:
            entries = [line.split(maxsplit=5) for line in run("dpkg-deb", "-c", deb(name)).splitlines()]
            size = sum(int(entry[2]) for entry in entries)
            number, unit = sizes[name].split()
            shown = float(number) * {"thousand": 1e3, "million": 1e6}[unit]
            self.assertAlmostEqual(size / shown, 1, delta=0.1, msg=name)

    def test_needs_nothing_unusual(self):
        [module] = (self.root / MODULES / "rct").glob("_rct.*.so")
        for binary in [self.program, self.root / LIBRARIES / "librct.so.0", module]:
            names = re.findall(r"Shared library: \[(\S+?)\.so", run("readelf", "--dynamic", "--wide", binary))
            others = {name for name in names if not name.startswith("ld-linux")}
            self.assertLessEqual(others, {"libc", "libm", "libgcc_s", "libstdc++", "libz"})
            self.assertNotIn("RUNPATH", run("readelf", "--dynamic", binary))

    def test_program(self):
        self.assertIn("self-test     passed", run(self.program, "doctor"))

    def test_python(self):
        environment = {"PATH": "/usr/bin:/bin", "HOME": self.folder.name, "MPLBACKEND": "Agg",
                       "PYTHONPATH": str(self.root / MODULES), "PYTHONDONTWRITEBYTECODE": "1"}
        options = {"env": environment, "cwd": self.folder.name}
        printed = run("/usr/bin/python3", "-c", PYTHON_PROGRAM, self.root, **options)
        self.assertEqual(printed.split()[0], run(self.program, "--version").split()[1])
        # pip sees it, and leaves it to dpkg.
        self.assertRegex(run("/usr/bin/python3", "-m", "pip", "list", **options), r"\nrct +0")
        done = subprocess.run(["/usr/bin/python3", "-m", "pip", "uninstall", "--yes", "--break-system-packages", "rct"],
                              capture_output=True, text=True, **options)
        self.assertIn("installed by debian", done.stderr)
        self.assertTrue((self.root / MODULES / "rct/__init__.py").exists())

    def test_scripts(self):
        with tempfile.TemporaryDirectory() as folder:
            run("dpkg-deb", "-e", deb("python3-rct"), folder)
            for script, command in [("postinst", "py3compile"), ("prerm", "py3clean")]:
                path = pathlib.Path(folder, script)
                self.assertTrue(os.access(path, os.X_OK))
                run("sh", "-n", path)
                # Without Python's helpers, as in a root that is being made, they do nothing.
                run(path, "configure", env={"PATH": folder})
                fake = pathlib.Path(folder, command)
                fake.write_text('#!/bin/sh\necho "$0 $*"')
                fake.chmod(0o755)
                self.assertEqual(run(path, "configure", env={"PATH": folder}), f"{fake} -p python3-rct\n")

    def test_r(self):
        extension = self.root / R_LIBRARY / "rct/libs/rct.so"
        dynamic = run("readelf", "--dynamic", "--wide", extension)
        self.assertIn("[librct.so.0]", dynamic)
        self.assertNotRegex(dynamic, "RPATH|RUNPATH")
        environment = {"PATH": "/usr/bin:/bin", "HOME": self.folder.name, "LC_ALL": "C.UTF-8", "TZ": "UTC",
                       "R_LIBS": str(self.root / R_LIBRARY), "LD_LIBRARY_PATH": str(self.root / LIBRARIES)}
        printed = run("Rscript", "-e", R_PROGRAM, env=environment, cwd=self.folder.name)
        self.assertIn("Conditioning sets for GpGp", re.sub(r"_\x08", "", printed))

    def test_manual(self):
        page = gzip.decompress((self.root / "usr/share/man/man1/rct.1.gz").read_bytes()).decode()
        shown = subprocess.run(["groff", "-man", "-ww", "-rHY=0", "-Tutf8", "-P-cbou"], input=page, text=True,
                               capture_output=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        self.assertEqual(shown.stderr, "")
        text = shown.stdout
        self.assertRegex(text, r"NAME\n +rct \W exact nearest neighbors")
        helps = [run(self.program, "--help")]
        commands = re.findall(r"^  ([a-z]+) {2,}\S", helps[0], re.MULTILINE)
        self.assertLessEqual({"build", "neighbors", "graph", "order", "unique", "info", "doctor"}, set(commands))
        for command in commands:
            self.assertIn(f"\n   rct {command}\n", text)
            helps.append(run(self.program, command, "--help"))
        # Every word of every help is on the page, and every example as it is.
        words = set(re.sub(r"\s+", " ", text).split())
        for help_text in helps:
            body, _, example = help_text.partition("\nExample\n")
            body = body.split(".\n", 1)[1]
            self.assertLessEqual(set(body.split()) - words, set(), help_text)
            for line in example.split("\n\n")[0].rstrip().split("\n"):
                self.assertIn(line.strip(), text)

    def complete(self, line):
        """Returns what bash offers at the end of a line."""
        script = """
            source "$1"
            COMP_WORDS=(); for word in "${@:2}"; do COMP_WORDS+=("$word"); done
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _rct
            printf '%s\\n' "${COMPREPLY[@]}"
        """
        words = [part for word in line.split(" ") for part in re.split(r"(=)", word)] if "=" in line else line.split(" ")
        if words[-2:] == ["=", ""]:
            words.pop()
        completions = self.root / "usr/share/bash-completion/completions/rct"
        return run("bash", "-euc", script, "bash", completions, *words).split()

    def test_completions(self):
        self.assertEqual(self.complete("rct b"), ["build"])
        self.assertEqual(self.complete("rct --v"), ["--version"])
        self.assertEqual(self.complete("rct graph --pre"), ["--predecessor"])
        self.assertEqual(self.complete("rct graph --points=p.csv --kernel=matern5"), ["matern52"])
        self.assertEqual(self.complete("rct order --method="), ["maxmin", "random", "coordinate", "middle_out"])
        self.assertEqual(self.complete("rct build --metric="), ["residual", "correlation", "euclidean"])
        self.assertEqual(self.complete("rct info --h"), ["--header=", "--help"])
        here = tempfile.mkdtemp(dir=self.folder.name)
        pathlib.Path(here, "points.csv").touch()
        self.assertEqual(self.complete(f"rct graph --points={here}/po"), [f"{here}/points.csv"])
        for command in ["build", "neighbors", "graph", "order", "unique", "info"]:
            flags = set(re.findall(r"(--[a-z_]+)", run(self.program, command, "--help").split("\nExample")[0]))
            offered = {flag.rstrip("=") for flag in self.complete(f"rct {command} --")}
            # A help may name flags of another command beside its own.
            self.assertLessEqual(offered - {"--help"}, flags)
            self.assertGreaterEqual(len(offered), 5)

    def test_lintian(self):
        # The compiler keeps the beginnings of words as numbers, which look like
        # misspelled words.
        found = run("lintian", "--allow-root", "--display-info", "--pedantic",
                    "--suppress-tags=spelling-error-in-binary", *map(deb, NAMES),
                    env={**os.environ, "HOME": self.folder.name})
        self.assertEqual(found, "")


if __name__ == "__main__":
    unittest.main()
