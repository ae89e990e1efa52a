"""Installs the R package into an empty folder, with the same bytes wherever it is done."""

import os
import pathlib
import shutil
import subprocess
import sys

from debian import run, write

LIBRARY = "usr/lib/R/site-library"
HERE = pathlib.Path(__file__).parent

# As Debian's R has them, without -g: positions in the sources have the folder.
MAKEVARS = """\
CFLAGS = -O2 -fstack-protector-strong -Wformat -Werror=format-security -D_FORTIFY_SOURCE=2
LDFLAGS = -Wl,-z,relro,-z,now
"""


def install(arguments, time, work, into):
    """Installs the sources in the folder arguments.r_package, working in a folder.

    They are compiled against the header and linked with the library of the arguments,
    which R also loads, to see that the package works; the package keeps the library's
    name and no path to it.
    """
    work = work.resolve()
    write(work / "include/rct.h", pathlib.Path(arguments.header).read_bytes())
    write(work / "lib/librct.so.0", pathlib.Path(arguments.library).read_bytes())
    (work / "lib/librct.so").symlink_to("librct.so.0")
    write(work / "Makevars", MAKEVARS)
    # Copies, because R writes beside the sources, and Bazel's are links.
    shutil.copytree(arguments.r_package, work / "rct", copy_function=shutil.copy)
    for path in (work / "rct").rglob("*"):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        os.utime(path, (time.timestamp(), time.timestamp()))  # R keeps those of pages.
    installed = work / "library"
    installed.mkdir()
    environment = {
        **os.environ,
        "HOME": str(work),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "LD_LIBRARY_PATH": str(work / "lib"),
        "R_MAKEVARS_USER": str(work / "Makevars"),
        "RCT_CPPFLAGS": f"-I{work}/include",
        "RCT_LIBS": f"-L{work}/lib -lrct",
    }
    stamp = time.strftime("%Y-%m-%d %H:%M:%S UTC")
    done = subprocess.run(
        ["R", "CMD", "INSTALL", f"--built-timestamp={stamp}", "--strip", f"--library={installed}", "rct"],
        cwd=work, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    run("Rscript", HERE / "without_folder.R", installed / "rct", work)
    shutil.copytree(installed, into)
