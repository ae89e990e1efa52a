#include "index/streaming/stream_plan.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/memory_limit.h"
#include "index/index_memory.h"
#include "index/streaming/cells.h"
#include "index/streaming/streamed_graph.h"

namespace rct {
namespace {

// Cells for each inducing point: the far field of a cell that is a fraction of
// their spacing in size is known well.
constexpr int64_t kCellsOfInducing = 8;
constexpr int64_t kMinCells = 64;
constexpr int64_t kMaxCells = 4096;
// The largest number of skeletons.
constexpr int64_t kMaxGroups = 512;

// The points of a cell that is worth its bounds.
constexpr int64_t kLeastOfCell = 512;

// Rows that have few and far predecessors.
constexpr int64_t kEarlyRows = 65536;

// To fetch a point costs a unit as much as this many evaluations of it.
constexpr int64_t kDeferBelow = 800;

// The points of the index of a unit, and how many of them are its own.
constexpr int64_t kMostPoints = int64_t{1} << 21;
constexpr int64_t kLeastPoints = 1 << 14;
constexpr double kOwnPart = 0.5;

// What the index of a unit takes beyond its forecast.
constexpr double kUnforeseen = 1.25;
// What bounds and the rest of the process take.
constexpr double kBesideUnits = 768.0 * (1 << 20);

// Returns the bytes of a point in the index of a unit.
double BytesOfPoint(const StreamOptions& options, int64_t dim, int64_t m) {
  constexpr int64_t kTypical = 1 << 20;
  double bytes = TotalBytes(NeedsOf(options.index, kTypical, dim, m)) +
                 TotalBytes(TypicalBlockNeeds(kTypical, m));
  bytes += 40.0 * static_cast<double>(options.k) * kTypical;
  return kUnforeseen * bytes / kTypical;
}

}  // namespace

absl::StatusOr<StreamPlan> PlanStream(const StreamOptions& options, int64_t n,
                                      int64_t dim, int64_t m) {
  StreamPlan plan;
  if (options.predecessor) {
    plan.early_rows =
        std::min(n, options.early_rows >= 0 ? options.early_rows : kEarlyRows);
  }
  if (plan.early_rows == n) return plan;
  const double limit = options.memory_limit_bytes > 0
                           ? static_cast<double>(options.memory_limit_bytes)
                           : 0.8 * static_cast<double>(AvailableMemoryBytes());
  const double of_all = static_cast<double>(n) * (8.0 * dim + 16);
  const double of_point = BytesOfPoint(options, dim, m);
  const double left = limit - of_all - kBesideUnits;
  const auto most = std::min<int64_t>(
      kMostPoints, static_cast<int64_t>(std::max(0.0, left / of_point)));
  if (options.units == 0 && most < std::min(kLeastPoints, n)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("memory_limit_bytes: ", HumanBytes(limit),
                     " leave no room: ", n, " points take ", HumanBytes(of_all),
                     " themselves, bounds ", HumanBytes(kBesideUnits), ", and ",
                     kLeastPoints, " points at a time with ", m,
                     " inducing points ", HumanBytes(kLeastPoints * of_point)));
  }
  if (options.units > 0) {
    plan.units = static_cast<int64_t>(
        std::bit_ceil(static_cast<uint64_t>(options.units)));
  } else if (n <= most) {
    plan.units = 1;
  } else {
    const double own = kOwnPart * static_cast<double>(most);
    plan.units = static_cast<int64_t>(
        std::bit_ceil(static_cast<uint64_t>(static_cast<double>(n) / own) + 1));
  }
  const int64_t wanted = std::clamp<int64_t>(
      std::bit_ceil(static_cast<uint64_t>(kCellsOfInducing * m + 1) / 2 + 1),
      kMinCells, kMaxCells);
  const int64_t others = std::max<int64_t>(1, n - m);
  plan.cells =
      options.cells > 0
          ? Cells::CountFor(others, options.cells, /*least=*/2)
          : Cells::CountFor(others, std::max(wanted, plan.units), kLeastOfCell);
  plan.units = std::min(plan.units, plan.cells);
  plan.groups = std::max(plan.units, std::min(plan.cells, kMaxGroups));
  plan.defer_below =
      options.defer_below >= 0 ? options.defer_below : kDeferBelow;
  plan.max_fetched = options.max_fetched >= 0
                         ? options.max_fetched
                         : std::max<int64_t>(0, most - n / plan.units);
  plan.unit_bytes = options.memory_limit_bytes > 0
                        ? static_cast<int64_t>(std::max(0.0, left))
                        : 0;
  return plan;
}

}  // namespace rct
