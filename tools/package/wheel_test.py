#!/usr/bin/python3
"""Tests the wheel: its contents, its bytes, and that pip installs it where nothing is."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile

FOLDER = pathlib.Path("tools/package/wheel").resolve()
SYSTEM = {"libc.so.6", "libgcc_s.so.1", "libm.so.6", "libstdc++.so.6", "libz.so.1", "ld-linux-x86-64.so.2"}

PROGRAM = """
import pickle, pathlib, sys
import numpy, rct
assert pathlib.Path(rct.__file__).is_relative_to(sys.prefix), rct.__file__
points = numpy.random.default_rng(1).normal(size=(300, 2))
index = rct.ResidualIndex(points, kernel="matern32", lengthscale=0.5, inducing=20)
rows, distances = pickle.loads(pickle.dumps(index)).graph(k=5, predecessor=True)
assert rows.shape == (300, 5)
assert index.vecchia(5, 0.1).predict(points[:2], points[:, 0])[0].shape == (2,)
print(rct.__version__)
"""

# Another copy of Protocol Buffers in the process, as TensorFlow or ONNX bring one.
BESIDE = """
import ctypes
other = ctypes.CDLL("libprotobuf.so.32", mode=ctypes.RTLD_GLOBAL)
import rct
rct.ResidualIndex([[0.0], [1.0], [2.5]], kernel="rbf", inducing=[0]).search([1], k=2)
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class WheelTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        (cls.wheel,) = FOLDER.glob("*.whl")
        cls.temporary = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.temporary.name)
        with zipfile.ZipFile(cls.wheel) as archive:
            cls.names = archive.namelist()
            archive.extractall(cls.root / "contents")
        (cls.extension,) = (cls.root / "contents").glob("rct/_rct*.so")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_name(self):
        header = pathlib.Path("base/version.h").read_text()
        version = re.search(r'kVersion = "([^"]*)"', header).group(1)
        python = f"cp{sys.version_info.major}{sys.version_info.minor}"
        self.assertRegex(self.wheel.name, rf"^rct-{re.escape(version)}-{python}-{python}-manylinux_2_\d+_x86_64\.whl$")

    def test_contents(self):
        package = {path.name for path in pathlib.Path("tools/python/rct").iterdir() if path.suffix in (".py", ".pyi", ".typed")}
        self.assertGreater(len(package), 6)
        for name in package:
            self.assertIn(f"rct/{name}", self.names)
        self.assertEqual(self.names, sorted(self.names))
        self.assertEqual(len(self.names), len(package) + 1 + 4)

    def test_the_system_has_what_the_extension_needs(self):
        needed = set(re.findall(r"Shared library: \[(.*)\]", run("readelf", "-dW", self.extension)))
        self.assertLessEqual(needed, SYSTEM)
        self.assertGreater(len(needed), 2)
        self.assertNotRegex(run("ldd", self.extension), "protobuf|absl|crypto|not found")

    def test_the_tag_is_that_of_the_newest_symbol(self):
        glibc = re.findall(r"GLIBC_2\.(\d+)", run("objdump", "-T", self.extension))
        tag = int(re.search(r"manylinux_2_(\d+)_", self.wheel.name).group(1))
        self.assertGreaterEqual(tag, max(map(int, glibc)))
        self.assertLess(tag, max(map(int, glibc)) + 4)

    def test_the_extension_exports_its_entry_alone(self):
        exported = [line.split()[-1] for line in run("nm", "-D", "--defined-only", "--extern-only", self.extension).splitlines()]
        self.assertEqual(exported, ["PyInit__rct"])

    def test_two_builds_give_the_same_bytes(self):
        again = self.root / "again"
        again.mkdir()
        files = [str(path) for path in sorted(pathlib.Path("tools/python/rct").iterdir())]
        run("/usr/bin/python3", "-B", "tools/package/make_wheel.py", "--version_header=base/version.h",
            "--license=LICENSE", f"--out={again}", *reversed(files))
        self.assertEqual((again / self.wheel.name).read_bytes(), self.wheel.read_bytes())

    def test_pip_installs_it_into_an_empty_place(self):
        place = self.root / "venv"
        # NumPy is Debian's, all else is the environment's own.
        run("/usr/bin/python3", "-m", "venv", "--system-site-packages", place)
        environment = {"PATH": f"{place}/bin:/usr/bin:/bin", "HOME": str(self.root)}
        run(place / "bin/pip", "install", "--no-index", "--no-cache-dir", self.wheel, env=environment)
        self.assertIn("rct", run(place / "bin/pip", "list", env=environment))
        version = run(place / "bin/python", "-c", PROGRAM, env=environment, cwd=self.root)
        self.assertIn(f"rct-{version.strip()}-", self.wheel.name)
        run(place / "bin/python", "-c", BESIDE, env=environment, cwd=self.root)
        run(place / "bin/pip", "uninstall", "--yes", "rct", env=environment)
        self.assertEqual([path for path in place.rglob("rct*") if path.name != "__pycache__"], [])


if __name__ == "__main__":
    unittest.main()
