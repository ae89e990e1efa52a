# The shares of the phases of build and query in the time of BLOCK, from a profile
# of skeleton_bound_benchmark.
#
#     perf record -g bazel-bin/traversal/block/skeleton_bound_benchmark
#     perf script -F ip,sym |
#         awk -f traversal/block/skeleton_phases.awk
#
# A paragraph is a sample: its functions, innermost first. Only samples of the main
# thread count, which is one of two that do equal work: among their functions is
# the benchmark's function for the phase.

function Part(name) { ++samples[whole]; ++parts[whole "\t" name] }

BEGIN { RS = "" }

{ whole = "" }
/BuildIndex/ { whole = "build" }
/SearchAllRows/ { whole = "query, all rows" }
whole == "" { next }

# Memory that is touched for the first time, by any function.
/clear_page|page_fault/ { Part("new pages"); next }

/BlockSkeletons::Factorize/ {
  if (/CovarianceRow/) Part("skeletons: kernel of columns")
  else if (/DotTile/) Part("skeletons: products of columns")
  else if (/Eliminate/) Part("skeletons: elimination")
  else Part("skeletons: choice of pivots, rest")
  next
}
/BlockSkeletons::/ && !/Solve/ { Part("skeletons: coordinates and cones"); next }
/SkeletonTables::/ {
  if (/MeasureGaps/) Part("tables: gaps, float32")
  else if (/Solve/) Part("tables: substitution")
  else if (/CovarianceRow/) Part("tables: kernel")
  else if (/DotTile/) Part("tables: products")
  else Part("tables: transposition, rounding, order")
  next
}
/SkeletonPass::/ && /std::__|KnnHeap/ { Part("evaluation: selection"); next }
/KeptCandidates::Evaluate|SkeletonPass::Evaluate/ {
  if (/DotTile|DotRegisterTile/) Part("evaluation: products")
  else if (/OfferTileRow|SelectAtMost|Nearest/) Part("evaluation: selection")
  else if (/SquaredDistances/) Part("evaluation: kernel, lists")
  else if (/Threshold|DropBelow|RaiseTheta/) Part("filter: theta")
  else Part("evaluation: choice of candidates")
  next
}
/SkeletonPass::/ {
  if (/FilterRoutines.*::Project/) Part("filter: y = C w")
  else if (/PassCones|ConesOf/) Part("filter: cones")
  else if (/FilterRoutines.*::KeepPoints|PointsOf/) Part("filter: points")
  else if (/RaiseTheta|Threshold|DropBelow/) Part("filter: theta")
  else if (/PassByGaps|PassByNorm|GapTerms|PassBlock/) Part("filter: blocks")
  else Part("filter: loops, rest")
  next
}
/ExhaustiveSearcher.*::(Run|Search)/ { Part("hard queries, searched exhaustively"); next }
{ Part("rest") }

END {
  for (key in parts) {
    split(key, name, "\t")
    printf "| %s | %s | %.1f%% |\n", name[1], name[2],
           100 * parts[key] / samples[name[1]] | "sort"
  }
}
