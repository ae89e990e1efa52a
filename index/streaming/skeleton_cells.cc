#include "index/streaming/skeleton_cells.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/packing.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "index/streaming/cell_points.h"
#include "metric/correlation_tile.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/compact_table.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/skeleton_tables.h"
#include "traversal/block/space_partition.h"

namespace rct {
namespace {

// Points that are projected at once.
constexpr int kPiece = 256;

// Points of a group that its skeleton is made of.
constexpr int64_t kSample = 256;

// What the sample may have outside its skeleton, root mean square.
constexpr double kRmsResidual = 0.04;

// Skeletons are worth their tables up to this sum of ranks, whose square the
// tables take twice in bytes, and where what the points have outside them is in
// the middle at most this (block_choice.h has the same).
constexpr double kMostRanks = 16384;
constexpr double kLargestResidual = 0.25;

// Groups whose skeletons tell what the others are like.
constexpr int64_t kTrialGroups = 16;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool Pays(const BlockSkeletons& skeletons, int64_t groups) {
  return skeletons.mean_rank() * static_cast<double>(groups) <= kMostRanks &&
         skeletons.median_residual() <= kLargestResidual;
}

}  // namespace

struct SkeletonCells::Projected {
  Projected(int64_t dim, int max_rank)
      : points(kPiece, dim),
        projection(kPiece, max_rank),
        w(int64_t{kPiece} * max_rank) {
    std::fill(w.begin(), w.end(), 0.0f);
  }

  int count = 0;
  TilePoints points;
  BlockSkeletons::Projection projection;
  AlignedBuffer<float> w;
  alignas(64) float e[kPiece] = {};
  alignas(64) float norm[kPiece] = {};
  alignas(64) float squared_length[kPiece] = {};
  bool bounded[kPiece] = {};
};

SkeletonCells::SkeletonCells(std::shared_ptr<const InducingFactor> factor,
                             std::shared_ptr<const ResidualCorrelation> sample,
                             std::unique_ptr<const BlockSkeletons> skeletons,
                             int64_t cells_of_group, int64_t num_cells)
    : factor_(std::move(factor)),
      sample_(std::move(sample)),
      skeletons_(std::move(skeletons)),
      of_group_(cells_of_group),
      lengths_(num_cells, BlockLengths{0, 0, 0}) {}

int64_t SkeletonCells::SampleSize(const CellPoints& cells, int64_t groups) {
  const auto of_group = static_cast<int>(cells.size() / groups);
  int64_t least = kSample;
  for (int first = 0; first < cells.size(); first += of_group) {
    int64_t count = 0;
    for (int c = first; c < first + of_group; ++c) count += cells.count(c);
    least =
        std::min<int64_t>(least, std::bit_floor(static_cast<uint64_t>(count)));
  }
  return least;
}

Matrix<double> SkeletonCells::SampleOf(const CellPoints& cells, int64_t groups,
                                       int group) {
  const int64_t size = SampleSize(cells, groups);
  const auto of_group = static_cast<int>(cells.size() / groups);
  std::vector<const double*> points;
  for (int c = group * of_group; c < (group + 1) * of_group; ++c) {
    for (int64_t i = 0; i < cells[c].size(); ++i) {
      points.push_back(cells[c].point(i));
    }
  }
  const int64_t dim = cells[group * of_group].from.cols;
  Matrix<double> sample(size, dim);
  for (int64_t i = 0; i < size; ++i) {
    std::copy_n(points[i * std::ssize(points) / size], dim, sample.row(i));
  }
  return sample;
}

absl::StatusOr<std::unique_ptr<SkeletonCells>> SkeletonCells::Create(
    std::shared_ptr<const InducingFactor> factor, Matrix<double> samples,
    int64_t groups, int64_t num_cells, int threads, Monitor* monitor) {
  const Monitor::Part whole(monitor);
  if (!factor->rounding().Validate().ok()) return nullptr;
  const int64_t size = samples.rows() / groups;
  if (size < 2 * SpacePartition::kSubBlock) return nullptr;
  std::vector<int32_t> all(samples.rows());
  std::iota(all.begin(), all.end(), 0);
  RCT_ASSIGN_OR_RETURN(ResidualPoints data,
                       factor->Project(std::move(samples), threads));
  auto sample = std::make_shared<const ResidualCorrelation>(
      factor->kernel(), std::move(data), factor, factor->simd());
  const SkeletonOptions options = {.block_size = size,
                                   .rms_residual = kRmsResidual};
  if (groups > kTrialGroups) {
    const BlockSkeletons trial(*sample, options,
                               SpacePartition::Given(all, size), threads,
                               static_cast<int>(groups / kTrialGroups));
    if (!Pays(trial, groups)) return nullptr;
  }
  auto skeletons = std::make_unique<const BlockSkeletons>(
      *sample, options, SpacePartition::Given(std::move(all), size), threads,
      /*stride=*/1, monitor);
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  if (!Pays(*skeletons, groups) || !skeletons->sound() ||
      !skeletons->loose_rows().empty()) {
    return nullptr;
  }
  return std::unique_ptr<SkeletonCells>(
      new SkeletonCells(std::move(factor), std::move(sample),
                        std::move(skeletons), num_cells / groups, num_cells));
}

std::string SkeletonCells::Digest() const {
  Sha256 digest;
  for (int b = 0; b < skeletons_->num_blocks(); ++b) {
    digest.UpdateSpan(absl::MakeConstSpan(&skeletons_->block(b).rank, 1));
  }
  for (const double* member : skeletons_->members().x) {
    digest.UpdateSpan(absl::MakeConstSpan(member, factor_->kernel().dim()));
  }
  return digest.HexDigest();
}

absl::Status SkeletonCells::AddCells(const CellPoints& cells, int first,
                                     int last, int threads, Monitor* monitor) {
  std::vector<Projected> workers;
  workers.reserve(threads);
  for (int w = 0; w < threads; ++w) {
    workers.emplace_back(factor_->kernel().dim(), skeletons_->max_rank());
  }
  std::vector<absl::Status> errors(threads);
  ParallelFor(threads, last - first, monitor, [&](int64_t task, int worker) {
    const int cell = first + static_cast<int>(task);
    errors[worker].Update(AddCell(cell, cells[cell], workers[worker]));
  });
  for (const absl::Status& error : errors) RCT_RETURN_IF_ERROR(error);
  return Monitor::Check(monitor);
}

std::string SkeletonCells::PackCell(int cell) const {
  std::string bytes;
  Pack(lengths_[cell].w, bytes);
  Pack(lengths_[cell].e, bytes);
  Pack(lengths_[cell].gap, bytes);
  return bytes;
}

void SkeletonCells::ReadCell(int cell, std::string_view bytes) {
  Unpacker unpacker(bytes);
  lengths_[cell].w = unpacker.Value<float>();
  lengths_[cell].e = unpacker.Value<float>();
  lengths_[cell].gap = unpacker.Value<float>();
}

absl::Status SkeletonCells::DoTasks(int part, int parts, int threads,
                                    Monitor* monitor) {
  tables_ = std::make_unique<SkeletonTables>(*sample_, *skeletons_, part, parts,
                                             threads, monitor);
  return Monitor::Check(monitor);
}

void SkeletonCells::Project(int group, const ResidualPoints& points,
                            absl::Span<const int32_t> ids,
                            Projected& projected) const {
  projected.count = static_cast<int>(ids.size());
  projected.points.Assign(points, ids);
  skeletons_->Project(*sample_, group, projected.points, projected.projection,
                      projected.w.data());
  for (int i = 0; i < projected.count; ++i) {
    const double tau = skeletons_->slack().Tau(points.inverse_sqrt[ids[i]]);
    const double whole = 1 + tau;
    const double squared = projected.projection.squared_length[i];
    projected.e[i] = FloatAbove(std::sqrt(std::max(0.0, whole - squared)));
    projected.norm[i] = FloatAbove(std::sqrt(whole));
    projected.squared_length[i] = FloatAbove(squared);
    projected.bounded[i] = tau <= kMaxTau && squared <= 1.01 * whole;
  }
}

absl::Status SkeletonCells::AddCell(int cell, const CellView& points,
                                    Projected& projected) {
  BlockLengths& lengths = lengths_[cell];
  std::vector<int32_t> all(kPiece);
  std::iota(all.begin(), all.end(), 0);
  double longest = 0;
  for (int64_t first = 0; first < points.size(); first += kPiece) {
    const int64_t count = std::min<int64_t>(kPiece, points.size() - first);
    RCT_ASSIGN_OR_RETURN(const ResidualPoints factors,
                         factor_->Project(points.Coordinates(first, count),
                                          /*num_threads=*/1));
    Project(Group(cell), factors, absl::MakeConstSpan(all).first(count),
            projected);
    for (int i = 0; i < projected.count; ++i) {
      const double squared = projected.projection.squared_length[i];
      lengths.w = std::max(lengths.w, FloatAbove(std::sqrt(squared)));
      lengths.e = projected.bounded[i] ? std::max(lengths.e, projected.e[i])
                                       : kInfinity;
      longest = std::max(longest, squared);
    }
  }
  lengths.gap = static_cast<float>(RoundGap(longest)) * kGapUnit;
  return absl::OkStatus();
}

void SkeletonCells::FindPanel(int from, const Projected& projected, int first,
                              absl::Span<const float> theta,
                              absl::Span<const int32_t> others, int32_t number,
                              absl::FunctionRef<void(int32_t, int32_t)> wanted,
                              const SkeletonTables::Table& table,
                              float* y) const {
  const int to = Group(others.front());
  const FilterRoutines& filter = skeletons_->filter();
  const int from_rank = skeletons_->block(from).rank;
  const int to_rank = skeletons_->block(to).rank;
  const double norm = tables_->norm(to, from);
  const double error = tables_->error(to, from);
  const double gap_slack =
      skeletons_->slack().Gap(from_rank, to_rank, norm, error);
  alignas(64) float squared[kPanel];
  filter.project(table.data, table.row_stride, table.column_stride, to_rank,
                 from_rank, projected.w.data() + int64_t{first} * from_rank, y,
                 squared);
  alignas(64) uint16_t gap[kPanel];
  for (int l = 0; l < kPanel; ++l) {
    const double left =
        static_cast<double>(projected.squared_length[first + l]) -
        static_cast<double>(squared[l]);
    gap[l] = RoundGap(std::max(0.0, left) + gap_slack);
  }
  alignas(64) float length[kPanel];
  alignas(64) float outside[kPanel];
  filter.gap_terms(gap, projected.squared_length + first, projected.e + first,
                   projected.norm + first,
                   FloatAbove(2 * gap_slack + 8 * kFloatRoundoff), length,
                   outside);
  const QueryPanel queries = {
      y,
      length,
      outside,
      projected.e + first,
      theta.data() + first,
      FloatAbove(skeletons_->slack().Product(from_rank, to_rank, norm, error))};
  const int count = std::min(kPanel, projected.count - first);
  uint32_t all = 0;
  uint32_t unbounded = 0;
  for (int l = 0; l < count; ++l) {
    all |= 1u << l;
    if (!projected.bounded[first + l]) unbounded |= 1u << l;
  }
  for (const int32_t other : others) {
    const BlockLengths& lengths = lengths_[other];
    uint32_t passed =
        lengths.e < kInfinity
            ? all & (filter.pass_block(queries, lengths) | unbounded)
            : all;
    for (; passed != 0; passed &= passed - 1) {
      wanted(number + std::countr_zero(passed), other);
    }
  }
}

void SkeletonCells::Find(
    int from, const CellQueries& queries, absl::Span<const int32_t> others,
    absl::FunctionRef<void(int32_t, int32_t)> wanted) const {
  const int group = Group(from);
  Projected projected(queries.points.points.cols(), skeletons_->max_rank());
  AlignedBuffer<float> y(int64_t{kPanel} * skeletons_->max_rank());
  AlignedBuffer<float> room(int64_t{skeletons_->max_rank()} *
                                skeletons_->max_rank() +
                            CompactTable::kPadding);
  std::vector<float> theta(kPiece);
  const auto count = static_cast<int32_t>(queries.positions.size());
  for (int32_t begin = 0; begin < count; begin += kPiece) {
    Project(group, queries.points, queries.positions.subspan(begin, kPiece),
            projected);
    for (int i = 0; i < projected.count; ++i) {
      theta[i] = skeletons_->slack().Theta(
          FloatBelow(1 - std::min(queries.squared[begin + i], 2.0)));
    }
    for (size_t o = 0; o < others.size();) {
      size_t end = o + 1;
      while (end < others.size() && Group(others[end]) == Group(others[o])) {
        ++end;
      }
      const auto cells = others.subspan(o, end - o);
      o = end;
      if (Group(cells.front()) == group) {
        // What is nearest needs more than a bound.
        for (const int32_t cell : cells) {
          for (int i = 0; i < projected.count; ++i) wanted(begin + i, cell);
        }
        continue;
      }
      const SkeletonTables::Table table =
          tables_->Load(Group(cells.front()), group, room.data());
      for (int first = 0; first < projected.count; first += kPanel) {
        FindPanel(group, projected, first, theta, cells, begin + first, wanted,
                  table, y.data());
      }
    }
  }
}

int64_t SkeletonCells::bytes() const {
  return skeletons_->bytes() + tables_->bytes();
}

}  // namespace rct
