#!/bin/bash
# Installs the R package against the shared library into an empty folder, as a user
# does from the source, and runs its tests, its examples and the lines of
# docs/install.md. Its documentation is what is in the sources.

set -euo pipefail

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

work=$(mktemp -d -p "${TEST_TMPDIR:-/tmp}")
here=$PWD
mkdir "$work"/{lib,library,include}
# Copies: R writes beside the sources, and Bazel's are links.
cp -L "$here/index/c/librct.so.0" "$work/lib"
ln -s librct.so.0 "$work/lib/librct.so"
cp -L "$here/index/c/rct.h" "$work/include"
cp -rL "$here/tools/r/rct" "$work"

export LC_ALL=C.UTF-8 TZ=UTC HOME=$work R_LIBS=$work/library
export RCT_CPPFLAGS="-I$work/include"
export RCT_LIBS="-L$work/lib -Wl,-rpath,$work/lib -lrct"
export RCT_PROGRAM=$here/tools/rct RCT_STATIONS=$here/docs/data/rainfall_stations.csv

mkdir "$work/.R"
# R keeps every function as one without arguments: those casts are its own.
echo 'CFLAGS = -O2 -std=c11 -Wall -Wextra -Wstrict-prototypes -Werror -Wno-cast-function-type' \
  >"$work/.R/Makevars"
cd "$work"
R CMD INSTALL -l "$work/library" "$work/rct" >install.log 2>&1 ||
  fail "R CMD INSTALL: $(cat install.log)"

# run_tests EXPRESSION: its value is results of tinytest, all of which must hold.
run_tests() {
  Rscript -e "results <- $1; bad <- Filter(isFALSE, results)
    if (length(bad)) print(bad)
    if (length(results) == 0 || length(bad)) quit(status = 1)" >tests.log 2>&1 ||
    fail "$1: $(cat tests.log)"
}
run_tests 'tinytest::run_test_dir(system.file("tinytest", package = "rct"), verbose = 0)'
run_tests "tinytest::run_test_file('$here/tools/r/program_test.R', verbose = 0)"

# The pages and the NAMESPACE are what roxygen makes of the comments in the sources, and
# have every function with its arguments.
cp -r rct roxygen
(cd roxygen && rm -r man NAMESPACE && Rscript -e 'roxygen2::roxygenise(".")') >roxygen.log 2>&1 ||
  fail "roxygen: $(cat roxygen.log)"
for made in man NAMESPACE DESCRIPTION; do
  diff -r "rct/$made" "roxygen/$made" || fail "to make tools/r/rct/$made anew: tools/r/document.sh"
done
Rscript -e 'print(tools::codoc("rct")); print(tools::undoc("rct"))
  print(tools::checkDocFiles("rct"))' >page.log 2>&1 || fail "$(cat page.log)"
[[ ! -s page.log ]] || fail "pages and functions differ: $(cat page.log)"

# The pages, and their examples.
cat >pages.R <<'END'
library(rct)
for (page in list.files("rct/man", full.names = TRUE)) {
  cat("== ", page, "\n", sep = "")
  found <- tools::checkRd(page)
  if (length(found)) {
    print(found)
    quit(status = 1)
  }
  tools::Rd2ex(page, "example.R")
  source("example.R", local = new.env(), echo = TRUE)
}
END
Rscript pages.R >page.log 2>&1 || fail "$(tail -30 page.log)"

# The lines on the page, in a folder with points.csv.
sed -n '/^```r$/,/^```$/{/^```/!p}' "$here/docs/install.md" >page.R
[[ $(wc -l <page.R) == 5 ]] || fail "install.md has other lines than those to paste: $(cat page.R)"
cut -d, -f1,2 "$RCT_STATIONS" >points.csv
echo 'stopifnot(is.integer(NNarray), dim(NNarray) == c(1720, 31), NNarray[, 1] == 1:1720)' >>page.R
Rscript page.R >page.log 2>&1 || fail "install.md: $(cat page.log)"
