#include "traversal/block/skeleton_costs.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>

#include "base/archive.h"
#include "metric/residual_correlation.h"
#include "traversal/block/skeleton_bound.pb.h"

namespace rct {
namespace {

// What a query costs by itself, for each of its neighbors, and for each of
// these and each dimension of a skeleton, the last in multiply-adds.
constexpr double kQuery = 50;
constexpr double kNeighbor = 6.5;
constexpr double kNeighborFilter = 40;

// What a task of up to so many queries costs, for the root of their neighbors,
// and for each number of the tables of its block, of which fewer queries need
// fewer. In multiply-adds.
constexpr double kTaskQueries = 128;
constexpr double kTask = 300000;
constexpr double kTaskTable = 27;
constexpr double kWholeTask = 32;

// The part that is hard of the queries that a sample takes for hard.
constexpr double kReallyHard = 0.5;

// The cost of projecting a query on one skeleton beside its evaluations.
constexpr double kBlockEvaluations = 25;

// The memory that tables may take, in units of that of V.
constexpr double kMaxTableMemory = 2;

// The part that is left of tables that are compact.
constexpr double kCompactPart = 0.2;

// What skeletons keep of a point beside its coordinates, in units of 4 bytes.
constexpr double kColumns = 11;

// The neighbors of a query where the forecast of a build has none to go by.
constexpr int64_t kTypicalNeighbors = 50;

}  // namespace

SkeletonCosts::SkeletonCosts(const ResidualCorrelation& metric,
                             double mean_rank, double num_blocks, double hard)
    : points_(static_cast<double>(metric.size())),
      width_(static_cast<double>(metric.point_width())),
      num_blocks_(num_blocks),
      mean_rank_(mean_rank),
      hard_(hard) {}

template <class Self, class Archive>
void SkeletonCosts::Describe(Self& self, Archive& archive) {
  archive.Value("costs.points", self.points_);
  archive.Value("costs.width", self.width_);
  archive.Value("costs.num_blocks", self.num_blocks_);
  archive.Value("costs.mean_rank", self.mean_rank_);
  archive.Value("costs.hard", self.hard_);
}

SkeletonCosts::SkeletonCosts(const ResidualCorrelation& metric,
                             ArchiveReader& archive) {
  Describe(*this, archive);
  archive.Expect(points_ == static_cast<double>(metric.size()), "costs.points",
                 "is not the number of points");
  archive.Expect(width_ == static_cast<double>(metric.point_width()),
                 "costs.width", "is not the width of V");
  const auto at_most = [&](std::string_view name, double value, double most) {
    archive.Expect(value >= 0 && value <= most, name,
                   "is negative or larger than it can be");
  };
  at_most("costs.num_blocks", num_blocks_, points_);
  at_most("costs.mean_rank", mean_rank_, points_);
  at_most("costs.hard", hard_, 1);
}

void SkeletonCosts::Save(ArchiveWriter& archive) const {
  Describe(*this, archive);
}

double SkeletonCosts::TableBytes(double points, double total_rank) {
  const double whole = 2 * total_rank * total_rank;
  return whole > kWholeTableBytes * points ? kCompactPart * whole : whole;
}

double SkeletonCosts::dense(int64_t queries) const {
  return static_cast<double>(queries) * points_;
}

double SkeletonCosts::skeletons() const {
  return points_ * mean_rank_ * (1.5 + mean_rank_ / width_);
}

double SkeletonCosts::tables() const {
  return total_rank() * (total_rank() / 2 * (1 + 2 * mean_rank_ / width_) +
                         points_ * mean_rank_ / (2 * width_));
}

double SkeletonCosts::Filtered(int64_t queries, int64_t k) const {
  const auto neighbors = static_cast<double>(k);
  return static_cast<double>(queries) *
         (kQuery +
          neighbors *
              (kNeighbor + kNeighborFilter * mean_rank_ / (width_ + kKernel)) +
          kReallyHard * hard_ * points_);
}

double SkeletonCosts::by_tables(int64_t queries, int64_t k) const {
  const auto count = static_cast<double>(queries);
  const double tasks =
      std::max(std::min(count, num_blocks_), count / kTaskQueries);
  const double tables = std::min(tasks, count / kWholeTask) * num_blocks_;
  return Filtered(queries, k) +
         (tasks * kTask * std::sqrt(static_cast<double>(k)) +
          tables * kTaskTable * mean_rank_ * mean_rank_) /
             (width_ + kKernel);
}

double SkeletonCosts::by_projections(int64_t queries, int64_t k) const {
  return Filtered(queries, k) + static_cast<double>(queries) *
                                    (total_rank() * (1 + mean_rank_ / width_) +
                                     kBlockEvaluations * num_blocks_);
}

bool SkeletonCosts::SkeletonsFit() const {
  return 4 * points_ * (2 * mean_rank_ + kColumns) <= memory_;
}

bool SkeletonCosts::TablesFit() const {
  return SkeletonsFit() && FitsWith(TableBytes(points_, total_rank()));
}

bool SkeletonCosts::GapsFit() const {
  return FitsWith(TableBytes(points_, total_rank()) +
                  2 * points_ * num_blocks_);
}

bool SkeletonCosts::FitsWith(double bytes) const {
  const double others = (4 * mean_rank_ + kLengthBytes) * points_ +
                        kPairBytes * num_blocks_ * num_blocks_;
  return bytes + others <= kMaxTableMemory * 8 * points_ * width_ &&
         bytes + others + 4 * points_ * kColumns <= memory_;
}

double SkeletonCosts::WithTables(int64_t queries) const {
  if (!TablesFit()) return std::numeric_limits<double>::infinity();
  return skeletons() + tables() + by_tables(queries, kTypicalNeighbors);
}

double SkeletonCosts::WithProjections(int64_t queries) const {
  if (!SkeletonsFit()) return std::numeric_limits<double>::infinity();
  return skeletons() + by_projections(queries, kTypicalNeighbors);
}

double SkeletonCosts::Total(int64_t queries) const {
  return std::min(WithTables(queries), WithProjections(queries));
}

SkeletonBoundConfig::Form SkeletonCosts::Cheapest(int64_t queries) const {
  // Exhaustive search is what the estimates are surest of.
  if (Total(queries) > 0.9 * dense(queries)) return SkeletonBoundConfig::DENSE;
  return WithTables(queries) < WithProjections(queries)
             ? SkeletonBoundConfig::TABLES
             : SkeletonBoundConfig::PROJECTIONS;
}

}  // namespace rct
