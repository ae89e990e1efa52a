#!/bin/bash
# Builds the examples for CMake and pkg-config as a user does who has installed the
# packages, here unpacked into an empty folder, and runs them.

set -euo pipefail
packages=$PWD/tools/package
examples=$PWD/docs/examples
page=$PWD/docs/install.md
work=$(mktemp -d -p "${TEST_TMPDIR:-/tmp}")
root=$work/root
libraries=$root/usr/lib/$(gcc -print-multiarch)

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

for package in librct0 librct-dev; do
  dpkg -x "$packages/$package.deb" "$root"
done

# Copies, because a build writes beside its sources, and because Bazel links them.
cp -rL "$examples/cmake" "$examples/pkg_config" "$work"
cd "$work"

# CMake, which finds the folder of the architecture under any prefix.
cmake -S cmake -B build -DCMAKE_PREFIX_PATH="$root/usr" >cmake.log 2>&1 ||
  fail "cmake: $(cat cmake.log)"
cmake --build build >>cmake.log 2>&1 || fail "cmake --build: $(cat cmake.log)"
build/neighbors >cmake.out
grep -qE '^the set of row [0-9]+:( [0-9]+){5}$' cmake.out || fail "$(cat cmake.out)"
read -r _ from _ to mean <<<"$(sed -n 's/://g; 2p' cmake.out)"
awk -v a="$from" -v b="$to" -v m="$mean" 'BEGIN {exit !(m >= a - 0.02 && m <= b + 0.02 || m >= b - 0.02 && m <= a + 0.02)}' ||
  fail "the mean: $(cat cmake.out)"

# A version that is not here is refused.
mkdir other
sed 's/find_package(rct 0.1/find_package(rct 0.99/' cmake/CMakeLists.txt >other/CMakeLists.txt
cp cmake/neighbors.cc other
if cmake -S other -B other/build -DCMAKE_PREFIX_PATH="$root/usr" >other.log 2>&1; then
  fail "CMake accepts version 0.99"
fi
grep -q 'compatible' other.log || fail "$(cat other.log)"

# pkg-config, with the folder as the root of the system.
export PKG_CONFIG_LIBDIR=$libraries/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
pkg-config --validate rct || fail "rct.pc"
make -C pkg_config >make.log 2>&1 || fail "make: $(cat make.log)"
LD_LIBRARY_PATH=$libraries pkg_config/neighbors >make.out
diff make.out - <<END
Apia: Suva, 1149 km; Papeete, 2396 km; Noumea, 2467 km
Auckland: Noumea, 1801 km; Suva, 2102 km; Apia, 2863 km
Honolulu: Apia, 4117 km; Papeete, 4326 km; Suva, 4955 km
Noumea: Suva, 1330 km; Auckland, 1801 km; Apia, 2467 km
Papeete: Apia, 2396 km; Suva, 3343 km; Auckland, 4023 km
Suva: Apia, 1149 km; Noumea, 1330 km; Auckland, 2102 km
END

# The function on the page compiles.
sed -n '/^```c$/,/^```$/{/^```/!p}' "$page" >page.c
[[ $(grep -c rct_ page.c) -gt 5 ]] || fail "no function on the page"
gcc -std=c99 -pedantic -Wall -Wextra -Werror -c page.c $(pkg-config --cflags rct) || fail "the page"
