#!/bin/bash
# The Debian package of the R package: it needs the shared library by its name, keeps
# no path to look for it, and works where it is unpacked.

set -euo pipefail

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

work=$(mktemp -d -p "${TEST_TMPDIR:-/tmp}")
package=$PWD/tools/r/r-cran-rct.deb

dpkg-deb --extract "$package" "$work/root"
dpkg-deb --control "$package" "$work/control"
(cd "$work/root" && md5sum --check --quiet "$work/control/md5sums") || fail "md5sums"
depends=$(dpkg-deb --field "$package" Depends)
[[ $depends == *"librct0 (>= "*"r-api-4.0"* ]] || fail "Depends: $depends"

mkdir "$work/lib"
cp -L index/c/librct.so.0 "$work/lib"
export HOME=$work LD_LIBRARY_PATH=$work/lib R_LIBS=$work/root/usr/lib/R/site-library
dynamic=$(readelf --dynamic --wide "$R_LIBS/rct/libs/rct.so")
[[ $dynamic == *"[librct.so.0]"* ]] || fail "it does not need librct.so.0"
[[ $dynamic != *RPATH* && $dynamic != *RUNPATH* ]] || fail "it keeps a folder of the build"
cd "$work"
Rscript -e 'library(rct); index <- rct_index(quakes[, 1:2], "euclidean")
  stopifnot(dim(rct_nn_array(index, 5)) == c(1000, 6))' >load.log 2>&1 || fail "$(cat load.log)"
