#!/bin/bash
# Runs the program of docs/vignette_r.md with the Debian packages, unpacked into an empty
# folder, and compares what it finds with the page.

set -euo pipefail
work=$(mktemp -d -p "${TEST_TMPDIR:-/tmp}")
for package in librct0 r-cran-rct; do
  dpkg -x "tools/package/$package.deb" "$work/root"
done
export LC_ALL=C.UTF-8 TZ=UTC HOME=$work
export LD_LIBRARY_PATH=$work/root/usr/lib/$(gcc -print-multiarch)
export R_LIBS=$work/root/usr/lib/R/site-library
Rscript docs/vignette_r_test.R docs/vignette_r.md "$work/meuse.png"
