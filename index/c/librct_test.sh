#!/bin/bash
# What librct.so shows and needs:
#
#   librct_test.sh LIBRARY EXPECTED_SYMBOLS
#
# To accept symbols that were added on purpose (none may go):
#
#   nm -D --extern-only --defined-only bazel-bin/index/c/librct.so.0 |
#     awk '$2 == "T" {print $3}' | LC_ALL=C sort >index/c/librct.symbols

set -euo pipefail
library=$1
symbols=$2

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

shown=$(nm -D --extern-only --defined-only "$library" | awk '$2 == "T" {print $3}' | LC_ALL=C sort)
diff "$symbols" <(echo "$shown") || fail "other functions than in $symbols"

# The version's own name is the only symbol that is no function.
others=$(nm -D --extern-only --defined-only "$library" | awk '$2 != "T" {print $3}')
[[ $others == RCT_0 ]] || fail "shows $others"

# Each function of the header is there.
declared=$(grep -oE '\brct_[a-z_]+\(' index/c/rct.h | tr -d '(' | LC_ALL=C sort -u)
diff <(echo "$declared") <(sed 's/@@RCT_0$//' "$symbols") || fail "other functions than in rct.h"

dynamic=$(readelf --dynamic --wide "$library")
[[ $dynamic == *"Library soname: [librct.so.0]"* ]] || fail "the name is not librct.so.0"
[[ $dynamic != *TEXTREL* ]] || fail "its code is written to when it is loaded"

needed=$(sed -nE 's/.*Shared library: \[(.*)\]/\1/p' <<<"$dynamic" | LC_ALL=C sort | tr '\n' ' ')
allowed="ld-linux-x86-64.so.2 libc.so.6 libgcc_s.so.1 libm.so.6 libstdc++.so.6"
for name in $needed; do
  [[ " $allowed " == *" $name "* ]] || fail "needs $name"
done

# The header, in each language that it is for.
for standard in c99 c11 c17; do
  gcc -std=$standard -pedantic -Wall -Wextra -Werror -fsyntax-only -x c index/c/rct.h || fail "$standard"
done
for standard in c++98 c++11 c++17 c++20; do
  g++ -std=$standard -pedantic -Wall -Wextra -Werror -fsyntax-only -x c++ index/c/rct.h || fail "$standard"
done
