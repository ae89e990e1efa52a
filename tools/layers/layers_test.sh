#!/bin/bash
# Every edge of the production targets' dependency graph runs within a layer or
# downward, the wings tree and block of traversal have none between them, and none
# leads to MPI, which only //tools/mpi needs.
# Usage: layers_test.sh GRAPH, as `bazel query --output=graph` prints it.

set -euo pipefail

check() {
  awk '
    BEGIN {
      n = split("base metric traversal heuristics index parity experiments tools", names, " ")
      for (i = 1; i <= n; ++i) rank[names[i]] = i
    }
    function layer(label) { sub(/^\/\//, "", label); sub(/[\/:].*/, "", label); return label }
    function wing(label) { sub(/^\/\//, "", label); sub(/:.*/, "", label); return label }
    $2 == "->" {
      gsub(/[";]/, "")
      from = layer($1); to = layer($3)
      if (!(from in rank) || !(to in rank)) next
      ++edges
      if (rank[to] > rank[from]) { print "upward: " $1 " -> " $3; bad = 1 }
      if ($3 ~ /^@mpi\/\//) { print "needs MPI: " $1 " -> " $3; bad = 1 }
      pair = wing($1) " " wing($3)
      if (pair ~ /^traversal\/(tree traversal\/block|block traversal\/tree)$/) {
        print "between wings: " $1 " -> " $3; bad = 1
      }
    }
    END {
      if (edges < minimum) { print "only " edges + 0 " edges: the graph is not that of the project"; bad = 1 }
      exit bad
    }' minimum="$2" "$1"
}

check "$1" 500

# The check itself finds what it is for.
for bad in '"//base:npy" -> "//metric:tile"' '"//traversal/tree:slots" -> "//traversal/block:skeleton_pass"' \
  '"//tools:rct_search" -> "@mpi//:mpi"'; do
  echo "  $bad" > "$TEST_TMPDIR/bad"
  if check "$TEST_TMPDIR/bad" 1; then
    echo "FAILED: $bad passes"
    exit 1
  fi
done
