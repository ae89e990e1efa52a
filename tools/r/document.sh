#!/bin/bash
# Makes the pages (man) and the NAMESPACE of the R package of the comments in its
# sources, by roxygen, after
#
#   ./tools/bazel build //index/c:librct.so.0
#
# roxygen wants the package installed, which here is done in a folder of its own, where
# every function is exported first.

set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work"/{lib,library}
cp -L bazel-bin/index/c/librct.so.0 "$work/lib"
ln -s librct.so.0 "$work/lib/librct.so"
export LC_ALL=C.UTF-8 R_LIBS=$work/library RCT_CPPFLAGS=-I$PWD/index/c
export RCT_LIBS="-L$work/lib -Wl,-rpath,$work/lib -lrct"

cp -r tools/r/rct "$work"
cat >"$work/rct/NAMESPACE" <<END
useDynLib(rct, .registration = TRUE, .fixes = "C_")
importFrom(stats, predict)
exportPattern("^rct_")
END
rm -f "$work"/rct/man/*
R CMD INSTALL --library="$work/library" "$work/rct" >"$work/install.log" 2>&1 || {
  cat "$work/install.log" >&2
  exit 1
}
rm "$work/rct/NAMESPACE"
(cd "$work/rct" && Rscript -e 'roxygen2::roxygenise(".")')
rm -r tools/r/rct/man
cp -r "$work/rct/man" "$work/rct/NAMESPACE" tools/r/rct
