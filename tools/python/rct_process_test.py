#!/usr/bin/python3
"""Checks the module `rct` where a process ends, has no memory or starts no threads."""

import os
import subprocess
import sys
import time
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))

HEAD = """
import atexit, os, resource, sys, threading, time
import numpy as np
late = []
atexit.register(lambda: [call() for call in late])
import rct

def index(n, **arguments):
    points = np.random.default_rng(1).random((n, 3))
    return rct.ResidualIndex(points, **{**dict(kernel="matern12", lengthscale=.1, inducing=200), **arguments})

def limit(mebibytes):
    pages = int(open("/proc/self/statm").read().split()[0])
    limit = pages * resource.getpagesize() + (mebibytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

def daemon(call):
    begun = threading.Event()
    def run():
        begun.set()
        call()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    begun.wait()
    return thread
"""


class ProcessTest(unittest.TestCase):
    def run_script(self, script, status=0):
        """Returns the output of a script, which must end by itself and in time."""
        done = subprocess.run(
            [sys.executable, "-c", HEAD + script],
            env={**os.environ, "PYTHONPATH": FOLDER}, capture_output=True, text=True, timeout=50,
        )
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn("terminate", done.stderr)
        self.assertNotIn("Fatal", done.stderr)
        return done.stdout + done.stderr

    # A call that takes a minute: the end of the interpreter must not wait for it.
    LONG = "big = index(60000, strategy='exhaustive')\n"

    def test_the_end_with_a_search_in_a_daemon_thread(self):
        start = time.monotonic()
        out = self.run_script(self.LONG + """
for threads in (1, 2):
    daemon(lambda: big.graph(10, threads=threads))
time.sleep(.3)
print("main ends", flush=True)
""")
        self.assertEqual(out, "main ends\n")
        self.assertLess(time.monotonic() - start, 30)

    def test_the_end_with_a_build_and_an_exit_status(self):
        out = self.run_script("""
points = np.random.default_rng(1).random((400000, 3))
daemon(lambda: rct.ResidualIndex(points, kernel="rbf", inducing=2000, threads=1))
time.sleep(.3)
sys.exit(7)
""", status=7)
        self.assertEqual(out, "")

    def test_the_end_by_an_exception(self):
        out = self.run_script(self.LONG + """
daemon(lambda: big.graph(10, threads=1))
time.sleep(.3)
raise ValueError("the reason")
""", status=1)
        self.assertIn("ValueError: the reason", out)

    def test_what_ended_calls_do_then(self):
        # Their threads can clean up but not begin another call.
        out = self.run_script(self.LONG + """
small = index(500, inducing=9)
def work():
    try:
        big.graph(10, threads=1)
    except SystemExit as end:
        print("ended:", end, flush=True)
        try:
            small.graph(1)
        except SystemExit as end:
            print("refused:", end, flush=True)
        done.set()
done = threading.Event()
daemon(work)
time.sleep(.3)
# Functions registered before rct was imported run after its own.
late.append(lambda: done.wait(10))
late.append(lambda: print("main", small.search([7], 1)[0][0, 0], flush=True))
""")
        self.assertEqual(
            out.splitlines(),
            ["ended: cancelled", "refused: the interpreter is about to end", "main 7"],
        )

    def test_the_main_thread_may_search_at_the_end(self):
        out = self.run_script("""
small = index(500, inducing=9)
atexit.register(lambda: print(small.search([7], 1)[0][0, 0]))
""")
        self.assertEqual(out, "7\n")

    def test_threads_that_are_no_daemons_are_waited_for(self):
        out = self.run_script("""
small = index(5000)
threading.Thread(target=lambda: print(small.graph(3)[0].shape)).start()
""")
        self.assertEqual(out, "(5000, 3)\n")

    def test_a_child_has_no_calls(self):
        start = time.monotonic()
        out = self.run_script(self.LONG + """
small = index(500, inducing=9)
daemon(lambda: big.graph(10, threads=1))
time.sleep(.3)
child = os.fork()
if child == 0:
    print("child", small.search([7], 1)[0][0, 0], flush=True)
    sys.exit(0)
print("status", os.waitpid(child, 0)[1], flush=True)
""")
        self.assertEqual(out, "child 7\nstatus 0\n")
        self.assertLess(time.monotonic() - start, 30)

    def test_threads_that_cannot_start(self):
        out = self.run_script("""
small = index(3000, inducing=20)
expected = small.graph(3, threads=1)
limit(60)  # a few stacks of 8 MiB fit
rows, found = small.graph(3, threads=32)
print((rows == expected[0]).all(), (found == expected[1]).all())
""")
        self.assertEqual(out, "True True\n")

    def test_memory_that_is_not_there(self):
        out = self.run_script("""
small = index(3000, inducing=20)
limit(100)
points = np.random.default_rng(1).random((30000, 3))
for call in (
    lambda: small.graph(10**6),
    lambda: small.search_points(points, 2000),
    lambda: rct.ResidualIndex(points, kernel="rbf", inducing=1000),
):
    try:
        call()
        print("answered")
    except MemoryError as error:
        print(error)
print(small.search([7], 1)[0][0, 0])
""")
        lines = out.splitlines()
        self.assertRegex(lines[0], "^k: 3000 queries with 1000000 neighbors each take 45 GiB, of which")
        self.assertRegex(lines[1], "^k: 30000 queries with 2000 neighbors each take 916 MiB, of which")
        self.assertRegex(lines[2], "^inducing: 30000 points with 1000 inducing points take 2")
        self.assertEqual(lines[3], "7")

    def test_a_pickle_that_does_not_fit(self):
        out = self.run_script("""
import copy, pickle
large = index(60000, inducing=300, strategy="exhaustive")
expected = large.search([7], 3)
limit(100)
for call in (lambda: pickle.dumps(large), lambda: large.__getstate__()):
    try:
        call()
        print("answered")
    except MemoryError as error:
        print(error)
print(copy.deepcopy(large) is large, (large.search([7], 3)[1] == expected[1]).all())
""")
        lines = out.splitlines()
        for line in lines[:2]:
            self.assertRegex(line, "^the bytes of an rct index file take 1.. MiB, of which .* are to be "
                             "had; write it to a file instead")
        self.assertEqual(lines[2], "True True")

    def test_a_signal_reaches_the_main_thread_while_others_search(self):
        out = self.run_script(self.LONG + """
import signal
small = index(500, inducing=9)
daemon(lambda: big.graph(10, threads=1))
threading.Timer(.5, signal.raise_signal, [signal.SIGINT]).start()
try:
    big.graph(10, threads=1)
except KeyboardInterrupt:
    print("interrupted", small.search([7], 1)[0][0, 0], flush=True)
""")
        self.assertEqual(out, "interrupted 7\n")


if __name__ == "__main__":
    unittest.main()
