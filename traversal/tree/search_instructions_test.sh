#!/bin/bash
# Counts the instructions of a search with empty slots: a heuristic that is off
# should cost not one. Usage: search_instructions_test.sh BINARY
#
# Callgrind counts the same on every run, whatever else the machine does. It
# hides AVX-512, so that all processors with AVX2 count alike. A change that
# makes the count much larger or smaller sets the golden count anew and says why.

set -euo pipefail
binary=$1
golden=130915277
# One instruction more for each evaluated pair is 0.5%, one more for each query
# of each tile 0.1%. 2% of the count belongs to libc and libcrypto, and other
# releases of these may make it a little more or less.
tolerance_percent=1
answer="705638 evaluations, digest 949e89cfdaa5b90adbaadcde50769e2466b405acfc7cae16be06de54bedcfbc5"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

found=$("$binary")
[[ $found == "$answer" ]] || fail "the answer is
  $found
and was
  $answer"

if ! grep -qw avx2 /proc/cpuinfo; then
  echo "SKIPPED: the golden count is of AVX2 code, and this processor has no AVX2."
  exit 0
fi
build=$("$binary" --build)
if [[ $build != "gcc 12" ]]; then
  echo "SKIPPED: the golden count is of optimized code by gcc 12; this is $build."
  exit 0
fi
command -v valgrind >/dev/null || fail "there is no valgrind here; ./tools/bazel installs it."

counts=$TEST_TMPDIR/callgrind.out
found=$(valgrind --quiet --tool=callgrind --toggle-collect=CountedSearch --callgrind-out-file="$counts" "$binary")
[[ $found == "$answer" ]] || fail "under valgrind the answer is
  $found"
count=$(sed -nE 's/^(totals|summary): ([0-9]+)$/\2/p' "$counts" | tail -n 1)
[[ $count =~ ^[1-9][0-9]*$ ]] || fail "callgrind counted nothing."

change=$((count - golden))
limit=$((golden * tolerance_percent / 100))
echo "$count instructions, $change more than $golden; $limit more would do"
((change <= limit)) || fail "that is more than $tolerance_percent%."
((change >= -limit)) || echo "That is less by more than $tolerance_percent%: lower the golden count."
