# Where BLOCK spends its time: shares of the phases of build and query, from a
# profile of skeleton_bound_benchmark.
#
#     perf record -g bazel-bin/traversal/block/skeleton_bound_benchmark
#     perf script -F ip,sym |
#         awk -f traversal/block/skeleton_phases.awk
#
# A paragraph is a sample: its functions, innermost first. Only those of the main
# thread count, which is one of two that do equal work: their outermost functions
# say which of the benchmark's timed calls it was.

function Part(name) { ++samples[whole]; ++parts[whole "\t" name] }

BEGIN { RS = "" }

{ whole = "" }
/Main.*lambda\(\)#3/ { whole = "build" }
/Main.*lambda\(\)#6/ { whole = "query, all rows" }
whole == "" { next }

# Memory that is touched for the first time, whosever it is.
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
/SkeletonPass::Evaluate/ {
  if (/DotTile|DotRegisterTile/) Part("evaluation: products")
  else if (/OfferTileRow|SelectAtMost/) Part("evaluation: selection")
  else if (/SquaredDistances/) Part("evaluation: kernel, lists")
  else if (/Threshold|DropBelow|RaiseTheta/) Part("filter: theta")
  else Part("evaluation: choice of candidates")
  next
}
/SkeletonPass::/ {
  if (/FilterRoutines.*::Project/) Part("filter: y = C w")
  else if (/FilterCones|ConesOf/) Part("filter: cones")
  else if (/FilterPoints|PointsOf/) Part("filter: points")
  else if (/RaiseTheta|Threshold|DropBelow/) Part("filter: theta")
  else if (/FilterPanel|FilterFar|GapTerms|FilterBlock\(/) Part("filter: blocks")
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
