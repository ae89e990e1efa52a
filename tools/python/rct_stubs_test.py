#!/usr/bin/python3
"""Holds the stubs of the package against the package, and against programs.

stubtest, of mypy, compares names, kinds and defaults of all parameters: the
extension's functions have signatures (signature.h). The stubs must also be so that
a program with every call is well typed, and that wrong calls are not.
"""

import ast
import inspect
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import numpy as np

FOLDER = pathlib.Path(__file__).parent.absolute()
sys.path.insert(0, str(FOLDER))
import rct  # noqa: E402

PACKAGE = FOLDER / "rct"
STUB = (PACKAGE / "_rct.pyi").read_text()
# What the package has from the extension.
EXTENSION = [name for name in rct.__all__ if getattr(rct, name) is getattr(rct._rct, name, None)]
PROGRAM = FOLDER / "rct_typed_program.py"

# Each replaces a text of the stub, the first or the last place of it, by an error;
# stubtest must say something of this object.
MISTAKES = (
    ("radius: _Real | None = None", "radius: _Real | None = 2.0", "search"),
    ("exclude_self: _Boolean = False,\n        allowed", "allowed", "range_search"),
    ("points: _Points,\n        k: _Integer", "points: _Points,\n        q: _Integer", "search_points"),
    ("def graph(\n        self,\n        k: _Integer,\n        *,", "def graph(\n        self,\n        k: _Integer,",
     "graph"),
    ("def save(self, path: _Path, *, threads: _Integer = 0)",
     "def save(self, path: _Path, *, threads: _Integer = 0, sync: bool = True)", "save"),
    ("jitter: _Real = 1e-06", "jitter: _Real = 1e-05", "ResidualIndex.__init__"),
    ("    @property\n    def kernel(self) -> _Kernel: ...\n", "", "ResidualIndex.kernel"),
    ("    @property\n    def num_inducing", "    def num_inducing", "ResidualIndex.num_inducing"),
    ("    @property\n    def variance", "    @property\n    def sigma", "ResidualIndex.sigma"),
    ("lengthscale: _Lengthscale | None = None,\n        variance: _Real | None = None,",
     "lengthscale: _Lengthscale | None = None,\n        variance: _Real | None,", "ResidualIndex.rebuild"),
    ("def unique(points: _Points)", "def uniq(points: _Points)", "uniq"),
    ("radius_km: _Real = 6371.0088", "radius_km: _Real = 6371.0", "lonlat"),
    ('method: _Method = "maxmin"', 'method: _Method', "order"),
)

# Each line is an error.
WRONG_CALLS = """\
index.search([1])
index.search([1], k="3")
index.search([1], 3, True)
index.search([1], 3, neighbors=4)
index.search(rows="all", k=3)
index.search([1], 3, predecessor=1)
index.graph(3, order="maxmn")
index.rebuild(kernel="matern")
index.rebuild(inducing="k-means")
index.append("points.npy")
index.save(3)
index.kernel = "rbf"
index.neighbors
rct.ResidualIndex(points, inducing=3)
rct.ResidualIndex(points, kernel="cubic", inducing=3)
rct.ResidualIndex(points, kernel="rbf", inducing=3, strategy="fast")
rct.ResidualIndex.load("x", mapped=True)
rct.EuclideanIndex(points, kernel="rbf")
rct.EuclideanIndex(points).factors
rct.Index(points, metric="cosine")
rct.Index(points, metric="correlation", kernel="rbf").neighbors
rct.Index(points, metric="euclidean", kernel="rbf")
rct.order(points, "best")
rct.lonlat([[1.0, 2.0]], radius_km="1")
rct.nothing
""".splitlines()


class StubsTest(unittest.TestCase):
    def run_mypy(self, *arguments, path=FOLDER):
        """Returns the lines that mypy, or a module of it, prints."""
        with tempfile.TemporaryDirectory() as cache:
            # Packages that a module of this one imports need not have types.
            config = pathlib.Path(cache, "mypy.ini")
            config.write_text("[mypy]\nignore_missing_imports = True\n")
            option = "--mypy-config-file" if arguments[0] == "mypy.stubtest" else "--config-file"
            done = subprocess.run(
                [sys.executable, "-m", *arguments, option, str(config)], cwd=cache,
                capture_output=True, text=True,
                env={**os.environ, "PYTHONPATH": str(path), "MYPYPATH": str(path),
                     "MYPY_CACHE_DIR": os.path.join(os.environ.get("TEST_TMPDIR", cache), "mypy")})
        return done.stdout + done.stderr

    def test_stubs_are_those_of_the_package(self):
        self.assertEqual(self.run_mypy("mypy.stubtest", "--concise", "rct"), "")

    def test_mistakes_in_stubs_are_found(self):
        stub = STUB
        for right, wrong, _ in MISTAKES:
            self.assertIn(right, stub)
            stub = stub.replace(right, wrong, 1)
        with tempfile.TemporaryDirectory() as folder:
            package = pathlib.Path(folder) / "rct"
            package.mkdir()
            for file in PACKAGE.glob("*.py"):
                (package / file.name).symlink_to(file.resolve())
            (package / "_rct.so").symlink_to((PACKAGE / "_rct.so").resolve())
            (package / "_rct.pyi").write_text(stub)
            # Under a name of its own: __init__.py would no longer find unique().
            found = self.run_mypy("mypy.stubtest", "--concise", "rct._rct", path=folder)
        for _, wrong, name in MISTAKES:
            with self.subTest(wrong):
                self.assertRegex(found, rf"(?m)^rct\._rct\.(\w+\.)?{name} ")

    def test_every_default_and_kind(self):
        # Of overloads as well, of which stubtest does not compare the defaults.
        def check(stub, function):
            with self.subTest(stub.name, line=stub.lineno):
                parameters = inspect.signature(function).parameters.values()
                arguments = stub.args
                self.assertEqual((arguments.posonlyargs, arguments.vararg, arguments.kwarg), ([], None, None))
                self.assertEqual([p.name for p in parameters],
                                 [a.arg for a in arguments.args + arguments.kwonlyargs])
                self.assertEqual([p.kind == p.KEYWORD_ONLY for p in parameters],
                                 [False] * len(arguments.args) + [True] * len(arguments.kwonlyargs))
                missing = [None] * (len(arguments.args) - len(arguments.defaults))
                for p, value in zip(parameters, missing + arguments.defaults + arguments.kw_defaults):
                    if p.name == "metric":  # an overload is for a value of it
                        continue
                    default = p.empty if value is None else ast.literal_eval(value)
                    self.assertEqual((type(default), default), (type(p.default), p.default), p.name)

        checked = 0
        for statement in ast.parse(STUB).body:
            if isinstance(statement, ast.FunctionDef):
                check(statement, getattr(rct, statement.name))
                checked += 1
            if not isinstance(statement, ast.ClassDef):
                continue
            classes = [getattr(rct, statement.name, None)]
            if statement.name == "_Index":
                classes = [rct.ResidualIndex, rct.EuclideanIndex]
            for cls in filter(None, classes):
                for method in filter(lambda s: isinstance(s, ast.FunctionDef), statement.body):
                    value = getattr(cls, method.name)
                    check(method, value.fget if isinstance(value, property) else value)
                    checked += 1
        self.assertGreater(checked, 50)
        names = {s.name for s in ast.parse(STUB).body if isinstance(s, (ast.FunctionDef, ast.ClassDef))}
        self.assertEqual({name for name in names if not name.startswith("_")}, set(EXTENSION))

    def test_names_are_those_of_the_extension(self):
        names = {}
        for statement in ast.parse(STUB).body:
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.value, ast.Subscript):
                if ast.unparse(statement.value.value) == "Literal":
                    names[statement.target.id] = list(ast.literal_eval(statement.value.slice))
        points = np.eye(2)
        for alias, call in (
            ("_Kernel", lambda: rct.ResidualIndex(points, kernel="?", inducing=None)),
            ("_Strategy", lambda: rct.EuclideanIndex(points, strategy="?")),
            ("_Metric", lambda: rct.Index(points, metric="?")),
            ("_Method", lambda: rct.order(points, method="?")),
            ("_InducingName", lambda: rct.ResidualIndex(points, kernel="rbf", inducing="?")),
        ):
            with self.assertRaises(ValueError) as caught:
                call()
            listed = re.search("choose one of '(.*)'$", str(caught.exception)).group(1)
            self.assertEqual(names.pop(alias), listed.split("', '"))
        self.assertEqual(names, {})

    def test_a_program_with_every_call(self):
        program = PROGRAM.read_text()
        public = {f".{name}" for name in EXTENSION}
        for cls in (getattr(rct, name) for name in EXTENSION):
            if isinstance(cls, type):
                public |= {f".{name}" for name in vars(cls) if not name.startswith("_")}
        for name in public:
            self.assertRegex(program, re.escape(name) + r"\b", "is in no call")
        self.assertRegex(self.run_mypy("mypy", "--strict", str(PROGRAM)), "^Success: no issues found")
        done = subprocess.run([sys.executable, "-P", "-W", "ignore", str(PROGRAM)], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(FOLDER)})
        self.assertEqual((done.returncode, done.stdout), (0, "mine\n"), done.stderr)

    def test_wrong_calls_are_found(self):
        head = ("import numpy as np\nimport rct\npoints = np.zeros((9, 2))\n"
                "index = rct.ResidualIndex(points, kernel='rbf', inducing=3)\n")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "wrong.py"
            path.write_text(head + "\n".join(WRONG_CALLS) + "\n")
            found = self.run_mypy("mypy", "--strict", str(path))
        lines = {int(number) for number in re.findall(r"wrong\.py:(\d+): error", found)}
        first = head.count("\n") + 1
        self.assertEqual(lines - set(range(first, first + len(WRONG_CALLS))), set(), found)
        for number, call in enumerate(WRONG_CALLS, start=first):
            with self.subTest(call):
                self.assertIn(number, lines)

    def test_the_package_says_that_it_has_types(self):
        self.assertTrue((PACKAGE / "py.typed").exists())


if __name__ == "__main__":
    unittest.main()
