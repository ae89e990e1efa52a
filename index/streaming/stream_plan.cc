#include "index/streaming/stream_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>
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
// The most points of a cell: a query that is deferred to one evaluates all.
constexpr int64_t kMostOfCell = 32768;
// The number of skeletons, at most, but where there are many points.
constexpr int64_t kMaxGroups = 512;

// The points of a cell that is worth its bounds.
constexpr int64_t kLeastOfCell = 512;

// Rows that have few and far predecessors: so many, or so many for each cell.
constexpr int64_t kEarlyRows = 65536;
constexpr int64_t kEarlyOfCell = 256;

// To fetch a point costs a unit as much as this many evaluations of it.
constexpr int64_t kDeferBelow = 800;

// The points of the index of a unit, and how many of them are its own.
constexpr int64_t kMostPoints = int64_t{1} << 21;
constexpr int64_t kLeastPoints = 1 << 14;
constexpr double kOwnPart = 0.5;

// Cells for each unit where many processes share them: units have whole cells,
// and are to have as many points as others.
constexpr int64_t kCellsOfUnit = 4;

// What the index of a unit takes beyond its forecast.
constexpr double kUnforeseen = 1.25;
// What bounds and the rest of the process take.
constexpr double kBesideUnits = 768.0 * (1 << 20);
// The same where there are few points, and so few cells.
constexpr double kLeastBeside = 64.0 * (1 << 20);
constexpr double kBesideOfPoint = 2048;

// Returns the bytes of a point in the index of a unit.
double BytesOfPoint(const StreamOptions& options, int64_t dim, int64_t m) {
  constexpr int64_t kTypical = 1 << 20;
  double bytes = TotalBytes(NeedsOf(options.index, kTypical, dim, m)) +
                 TotalBytes(TypicalBlockNeeds(kTypical, m));
  bytes += 40.0 * static_cast<double>(options.k) * kTypical;
  return kUnforeseen * bytes / kTypical;
}

// Returns the bytes that a process has of points all the time: coordinates and
// rows; where it has a slice, also those of it, of what it sends, and its
// answers.
double BytesHeld(const StreamOptions& options, const StreamSize& size,
                 int64_t own) {
  double of_point = 8.0 * static_cast<double>(size.dim) + 16;
  if (size.holds_slice) {
    of_point += 16.0 * static_cast<double>(size.dim) +
                12.0 * static_cast<double>(options.k);
  }
  return static_cast<double>(own) * of_point;
}

// Returns how many units the points of a process are, of which at most `most`
// fit at a time.
int64_t UnitsFor(const StreamOptions& options, const StreamSize& size,
                 int64_t own, int64_t most) {
  if (options.units > 0) {
    return size.ranks > 1 ? options.units
                          : static_cast<int64_t>(std::bit_ceil(
                                static_cast<uint64_t>(options.units)));
  }
  if (size.ranks == 1 && own <= most) return 1;
  const double units =
      static_cast<double>(own) / (kOwnPart * static_cast<double>(most));
  if (size.ranks > 1) return static_cast<int64_t>(std::ceil(units));
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(units) + 1));
}

// Sets the numbers of cells and groups, and takes fewer units where there are
// few cells.
void CutCells(const StreamOptions& options, const StreamSize& size,
              StreamPlan& plan) {
  const auto all_units = static_cast<int64_t>(
      std::bit_ceil(static_cast<uint64_t>(plan.units * size.ranks)));
  const int64_t of_inducing = std::bit_ceil(
      static_cast<uint64_t>(kCellsOfInducing * size.m + 1) / 2 + 1);
  const int64_t of_points =
      std::bit_ceil(static_cast<uint64_t>(size.n / kMostOfCell));
  const int64_t wanted = std::clamp<int64_t>(std::max(of_inducing, of_points),
                                             kMinCells, kMaxCells);
  const int64_t least = size.ranks > 1 ? kCellsOfUnit * all_units : all_units;
  const int64_t others = std::max<int64_t>(1, size.n - size.m);
  plan.cells =
      options.cells > 0
          ? Cells::CountFor(others, options.cells, /*least=*/2)
          : Cells::CountFor(others, std::max(wanted, least), kLeastOfCell);
  plan.units = std::clamp<int64_t>(plan.cells / size.ranks, 1, plan.units);
  plan.groups = std::min(
      plan.cells,
      std::max({kMaxGroups, least, std::min(of_points, kMaxCells) / 2}));
}

}  // namespace

absl::StatusOr<StreamPlan> PlanStream(const StreamOptions& options,
                                      const StreamSize& size) {
  StreamPlan plan;
  const int64_t n = size.n;
  if (options.predecessor) {
    plan.early_rows =
        std::min(n, options.early_rows >= 0 ? options.early_rows : kEarlyRows);
  }
  if (plan.early_rows == n) return plan;
  const int64_t own = (n + size.ranks - 1) / size.ranks;
  const double limit = options.memory_limit_bytes > 0
                           ? static_cast<double>(options.memory_limit_bytes)
                           : 0.8 * static_cast<double>(AvailableMemoryBytes());
  const double held = BytesHeld(options, size, own);
  const double beside =
      std::min(kBesideUnits, kLeastBeside + kBesideOfPoint * n);
  const double of_point = BytesOfPoint(options, size.dim, size.m);
  const double left = limit - held - beside;
  const auto most = std::min<int64_t>(
      kMostPoints, static_cast<int64_t>(std::max(0.0, left / of_point)));
  if (options.units == 0 && most < std::min(kLeastPoints, own)) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "memory_limit_bytes: ", HumanBytes(limit), " leave no room: ", own,
        " points take ", HumanBytes(held), " themselves, bounds ",
        HumanBytes(beside), ", and ", kLeastPoints, " points at a time with ",
        size.m, " inducing points ", HumanBytes(kLeastPoints * of_point)));
  }
  plan.units = std::max<int64_t>(1, UnitsFor(options, size, own, most));
  CutCells(options, size, plan);
  if (options.early_rows < 0) {
    plan.early_rows = std::min(plan.early_rows, kEarlyOfCell * plan.cells);
  }
  plan.defer_below =
      options.defer_below >= 0 ? options.defer_below : kDeferBelow;
  plan.max_fetched = options.max_fetched >= 0
                         ? options.max_fetched
                         : std::max<int64_t>(0, most - own / plan.units);
  plan.unit_bytes = options.memory_limit_bytes > 0
                        ? static_cast<int64_t>(std::max(0.0, left))
                        : 0;
  return plan;
}

}  // namespace rct
