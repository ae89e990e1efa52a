#include "index/validation.h"

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/limits.h"
#include "base/matrix.h"
#include "base/memory_limit.h"
#include "base/status_macros.h"
#include "heuristics/composition/composition.h"
#include "metric/inducing_points.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// The bytes of a row number and a distance.
constexpr double kBytesOfANeighbor = 16;

}  // namespace

absl::Status ValidateThreads(int threads) {
  if (threads >= 0 && threads <= kMaxThreads) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "threads: is ", threads, "; must be from 0 (all) to ", kMaxThreads));
}

absl::Status ValidateMemoryLimit(int64_t bytes) {
  if (bytes >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("memory_limit_bytes: is ", bytes, "; must not be negative"));
}

absl::Status ValidateStrategy(const Composition& composition, bool has_tree) {
  if (has_tree && composition.strategy != LEVEL_SYNCHRONOUS &&
      composition.strategy != BEST_FIRST) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tree: given, but strategy ", Strategy_Name(composition.strategy),
        " has none; leave it out or choose LEVEL_SYNCHRONOUS or BEST_FIRST"));
  }
  return ValidateComposition(composition);
}

absl::Status ValidateSearch(const SearchOptions& options, int64_t size) {
  if (options.k < 1 || options.k > kMaxRows) {
    return absl::InvalidArgumentError(
        absl::StrCat("k: is ", options.k, "; must be from 1 to ", kMaxRows));
  }
  if (std::isnan(options.radius)) {
    return absl::InvalidArgumentError("radius: is no number");
  }
  RCT_RETURN_IF_ERROR(ValidateThreads(options.threads));
  const auto flags = static_cast<int64_t>(options.allowed.size());
  if (flags != 0 && flags != size) {
    return absl::InvalidArgumentError(
        absl::StrCat("allowed: has ", flags, " flags, the data has ", size,
                     " rows; one for each is needed, or none"));
  }
  return absl::OkStatus();
}

absl::Status CheckAnswerMemory(int64_t num_queries, int64_t k) {
  return CheckMemory(
      kBytesOfANeighbor * static_cast<double>(num_queries) *
          static_cast<double>(k),
      absl::StrCat("k: ", num_queries, " queries with ", k, " neighbors each"),
      "ask for fewer neighbors, or for fewer queries at a time");
}

absl::Status CheckRangeMemory(int64_t num_queries, const SearchOptions& options,
                              int64_t size) {
  if (!std::isinf(options.radius) || options.radius < 0 ||
      options.predecessor || !options.allowed.empty()) {
    return absl::OkStatus();
  }
  return CheckMemory(
      kBytesOfANeighbor * static_cast<double>(num_queries) *
          static_cast<double>(size),
      absl::StrCat("radius: ", num_queries, " queries with all ", size,
                   " rows within an infinite radius"),
      "ask for a smaller radius, or for fewer queries at a time");
}

absl::Status ValidateRows(absl::Span<const int64_t> rows, int64_t size) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || rows[i] >= size) {
      return absl::InvalidArgumentError(
          absl::StrCat("query ", i, ": row ", rows[i],
                       " is out of range; the data has ", size, " rows"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateNoRows(const SearchOptions& options) {
  if (!options.exclude_self && !options.predecessor) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(options.predecessor ? "predecessor" : "exclude_self",
                   ": new points have no row number that it could refer to"));
}

absl::Status ValidateAppended(MatrixView<const double> points, int64_t size,
                              int64_t dim) {
  if (points.cols != dim) {
    return absl::InvalidArgumentError(absl::StrCat(
        "points: the number of columns is ", points.cols,
        ", that of the index is ", dim, "; both must be the same"));
  }
  if (points.rows > kMaxRows - size) {
    return absl::InvalidArgumentError(
        absl::StrCat("points: has ", points.rows, " rows after ", size,
                     "; at most ", kMaxRows, " are supported in all"));
  }
  return ValidateFinite("points", points);
}

absl::Status ValidateQueryPoints(MatrixView<const double> points, int64_t dim) {
  RCT_RETURN_IF_ERROR(ValidateFinite("query points", points));
  if (points.cols != dim) {
    return absl::InvalidArgumentError(
        absl::StrCat("query points: have ", points.cols,
                     " coordinates, the data has ", dim));
  }
  return absl::OkStatus();
}

}  // namespace rct
