#include "traversal/block/skeleton_tables.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/archive.h"
#include "base/finite.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "metric/correlation_tile.h"
#include "metric/point_lanes.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_bounds.h"

namespace rct {
namespace {

// The pairs of kTileSide blocks with kTileSide others are one task: rows of V
// come from memory once for all of them, and from a cache after that.
constexpr int kTileSide = 8;

// to = from^T, both without padding; rows and columns are multiples of eight.
// Eight columns at a time: whole lines of the cache.
void Transpose(const double* from, int64_t rows, int64_t columns, double* to) {
  for (int64_t i = 0; i < columns; i += 8) {
    for (int64_t j = 0; j < rows; ++j) {
      for (int64_t l = 0; l < 8; ++l) {
        to[(i + l) * rows + j] = from[j * columns + i + l];
      }
    }
  }
}

}  // namespace

struct SkeletonTables::Worker {
  explicit Worker(int64_t width)
      : by_first(width * width), by_second(width * width), y(kPanel * width) {}

  AlignedBuffer<double> by_first;
  AlignedBuffer<double> by_second;
  AlignedBuffer<float> y;
};

SkeletonTables::SkeletonTables(const ResidualCorrelation& metric,
                               const BlockSkeletons& skeletons, bool keep_gaps,
                               int threads, Monitor* monitor)
    : has_gaps_(keep_gaps),
      num_blocks_(skeletons.num_blocks()),
      positions_(skeletons.num_positions()),
      cones_(skeletons.num_cones()),
      gaps_((keep_gaps ? num_blocks_ : 1) * positions_),
      cone_gaps_((keep_gaps ? num_blocks_ : 1) * cones_ + kPanel),
      norm_(int64_t{num_blocks_} * num_blocks_),
      block_gap_(norm_.size()),
      seen_(norm_.size()),
      order_(int64_t{num_blocks_} * std::max(0, num_blocks_ - 1)) {
  const int64_t size = Place(skeletons, ranks_, offset_);
  evaluations_ = size;
  // A block has no gaps of its own, and padding none at all.
  std::fill(gaps_.begin(), gaps_.end(), uint16_t{0});
  std::fill(cone_gaps_.begin(), cone_gaps_.end(), uint16_t{0});
  if (!has_gaps_) {
    for (int b = 0; b < num_blocks_; ++b) {
      TakeLengths(skeletons, 0, b);
      for (int a = 0; a < num_blocks_; ++a) {
        block_gap_[Pair(a, b)] = block_gap_[Pair(0, b)];
      }
    }
  }
  c_ = AlignedBuffer<float>(size);

  std::atomic<bool> sound = true;
  const int num_workers = std::max(1, std::min(threads, num_blocks_));
  std::vector<Worker> workers;
  workers.reserve(num_workers);
  for (int i = 0; i < num_workers; ++i) {
    workers.emplace_back(RoundUpToLanes(skeletons.max_rank()));
  }
  const Monitor::Part part(monitor, /*share=*/1,
                           int64_t{num_blocks_} * (num_blocks_ - 1) / 2);
  const int sides = (num_blocks_ + kTileSide - 1) / kTileSide;
  std::vector<std::pair<int, int>> tiles;
  for (int b = 0; b < sides; ++b) {
    for (int a = 0; a <= b; ++a) {
      tiles.emplace_back(b * kTileSide, a * kTileSide);
    }
  }
  ParallelFor(num_workers, static_cast<int64_t>(tiles.size()),
              [&](int64_t tile, int index) {
                const auto [first_b, first_a] = tiles[tile];
                for (int b = first_b;
                     b < std::min(first_b + kTileSide, num_blocks_); ++b) {
                  for (int a = first_a; a < std::min(first_a + kTileSide, b);
                       ++a) {
                    if (!Monitor::Go(monitor, 1)) return;
                    if (!MakeTable(metric, skeletons, b, a, workers[index])) {
                      sound = false;
                    }
                  }
                }
              });
  sound_ = sound;
  if (!Monitor::Go(monitor)) return;

  ParallelFor(num_workers, num_blocks_, [&](int64_t task, int) {
    const int from = static_cast<int>(task);
    int32_t* order = order_.data() + task * (num_blocks_ - 1);
    std::iota(order, order + from, 0);
    std::iota(order + from, order + num_blocks_ - 1, from + 1);
    std::sort(order, order + num_blocks_ - 1, [&](int32_t a, int32_t b) {
      const float x = seen_[Pair(a, from)], y = seen_[Pair(b, from)];
      return x != y ? x > y : a < b;
    });
  });
  seen_.clear();
}

int64_t SkeletonTables::Place(const BlockSkeletons& skeletons,
                              std::vector<int64_t>& ranks,
                              std::vector<int64_t>& offset) {
  int64_t size = 0;
  for (int b = 0; b < skeletons.num_blocks(); ++b) {
    ranks.push_back(skeletons.block(b).rank);
    for (int a = 0; a < b; ++a) {
      offset.push_back(size);
      size += ranks[b] * ranks[a];
    }
  }
  return size;
}

bool SkeletonTables::MakeTable(const ResidualCorrelation& metric,
                               const BlockSkeletons& skeletons, int b, int a,
                               Worker& worker) {
  const BlockSkeletons::Block& second = skeletons.block(b);
  const int64_t second_rows = RoundUpToLanes(second.rank);
  const BlockSkeletons::Block& first = skeletons.block(a);
  const int64_t first_rows = RoundUpToLanes(first.rank);
  double* x = worker.by_first.data();
  CorrelationTile(metric, skeletons.members(), first.skeleton, first.rank,
                  skeletons.members(), second.skeleton, second.rank, x,
                  second_rows);
  for (int64_t i = 0; i < first_rows; ++i) {
    const int64_t known = i < first.rank ? second.rank : 0;
    std::fill(x + i * second_rows + known, x + (i + 1) * second_rows, 0.0);
  }
  skeletons.Solve(a, second_rows, second_rows, x);
  double* c = worker.by_second.data();
  Transpose(x, first_rows, second_rows, c);
  skeletons.Solve(b, first_rows, first_rows, c);

  float* table = c_.data() + Offset(b, a);
  double squared = 0;
  for (int i = 0; i < second.rank; ++i) {
    for (int j = 0; j < first.rank; ++j) {
      const double value = c[i * first_rows + j];
      table[i * first.rank + j] = static_cast<float>(value);
      squared += value * value;
    }
  }
  norm_[Pair(a, b)] = norm_[Pair(b, a)] =
      FloatAbove(std::sqrt(squared) * (1 + 1e-6));
  MeasureGaps(skeletons, b, a, worker.y.data());
  MeasureGaps(skeletons, a, b, worker.y.data());
  // Of orthonormal columns, but for what tau adds.
  return squared <= 1.02 * std::min(first.rank, second.rank);
}

template <class Self, class Archive>
void SkeletonTables::Describe(Self& self, Archive& archive) {
  archive.Value("tables.has_gaps", self.has_gaps_);
  archive.Value("tables.num_blocks", self.num_blocks_);
  archive.Value("tables.positions", self.positions_);
  archive.Value("tables.cones", self.cones_);
  archive.Array("tables.ranks", self.ranks_);
  archive.Array("tables.offset", self.offset_);
  archive.Array("tables.c", self.c_);
  archive.Array("tables.gaps", self.gaps_);
  archive.Array("tables.cone_gaps", self.cone_gaps_);
  archive.Array("tables.norm", self.norm_);
  archive.Array("tables.block_gap", self.block_gap_);
  archive.Array("tables.order", self.order_);
  archive.Value("tables.sound", self.sound_);
  archive.Value("tables.evaluations", self.evaluations_);
}

SkeletonTables::SkeletonTables(const BlockSkeletons& skeletons,
                               ArchiveReader& archive) {
  Describe(*this, archive);
  if (archive.status().ok()) Check(skeletons, archive);
  if (archive.status().ok()) CheckOrder(archive);
}

void SkeletonTables::Check(const BlockSkeletons& skeletons,
                           ArchiveReader& archive) const {
  const bool same = num_blocks_ == skeletons.num_blocks() &&
                    positions_ == skeletons.num_positions() &&
                    cones_ == skeletons.num_cones();
  if (!archive.Expect(same, "tables.num_blocks",
                      "and the sizes with it are not those of the skeletons")) {
    return;
  }
  std::vector<int64_t> ranks;
  std::vector<int64_t> offset;
  const int64_t size = Place(skeletons, ranks, offset);
  archive.Expect(ranks_ == ranks, "tables.ranks",
                 "has other ranks than the skeletons");
  archive.Expect(offset_ == offset, "tables.offset",
                 "has tables that do not follow each other");
  const auto sized = [&](std::string_view name, const auto& array,
                         int64_t expected_size) {
    archive.Expect(static_cast<int64_t>(array.size()) == expected_size, name,
                   "is not of the size of all tables");
  };
  const int64_t gap_rows = has_gaps_ ? num_blocks_ : 1;
  const int64_t pairs = int64_t{num_blocks_} * num_blocks_;
  sized("tables.c", c_, size);
  sized("tables.gaps", gaps_, gap_rows * positions_);
  sized("tables.cone_gaps", cone_gaps_, gap_rows * cones_ + kPanel);
  sized("tables.norm", norm_, pairs);
  sized("tables.block_gap", block_gap_, pairs);
  sized("tables.order", order_, pairs - num_blocks_);
  archive.Expect(AllFinite(c_.span()), "tables.c", "is not finite");
  constexpr std::string_view kBad =
      "has numbers that are negative or not finite";
  archive.Expect(AllFiniteAndNotNegative<float>(norm_), "tables.norm", kBad);
  archive.Expect(AllFiniteAndNotNegative<float>(block_gap_), "tables.block_gap",
                 kBad);
  archive.Expect(sound_, "tables.sound", "says that they are of no use");
  archive.Expect(evaluations_ >= 0, "tables.evaluations", "is negative");
}

void SkeletonTables::CheckOrder(ArchiveReader& archive) const {
  std::vector<int> last_seen(num_blocks_, -1);
  for (int from = 0; from < num_blocks_; ++from) {
    last_seen[from] = from;
    for (const int32_t to : order(from)) {
      if (!archive.Expect(
              to >= 0 && to < num_blocks_ && last_seen[to] != from,
              "tables.order",
              "has a block that does not exist or is there twice")) {
        return;
      }
      last_seen[to] = from;
    }
  }
}

void SkeletonTables::Save(ArchiveWriter& archive) const {
  Describe(*this, archive);
}

void SkeletonTables::MeasureGaps(const BlockSkeletons& skeletons, int to,
                                 int from, float* y) {
  const BlockSkeletons::Block& target = skeletons.block(to);
  const BlockSkeletons::Block& source = skeletons.block(from);
  const Table table = this->table(to, from);
  const double slack =
      skeletons.slack().Gap(source.rank, target.rank, norm(to, from));
  if (!has_gaps_ || far(to, from)) {
    // At most: the order of blocks needs no more.
    seen_[Pair(to, from)] =
        norm(to, from) * norm(to, from) * static_cast<float>(source.count);
    if (has_gaps_) TakeLengths(skeletons, to, from);
    return;
  }
  const PointPanels points = skeletons.points(from, nullptr);
  uint16_t* gaps = gaps_.data() + to * positions_ + source.first;
  uint16_t* cone_gaps = cone_gaps_.data() + to * cones_ + source.first / kPanel;
  uint16_t largest = 0;
  float seen = 0;
  for (int p = 0; p < skeletons.num_panels(from); ++p) {
    float squared[kPanel];
    skeletons.filter().project(
        table.data, table.row_stride, table.column_stride, target.rank,
        source.rank, points.w + int64_t{kPanel} * source.rank * p, y, squared);
    uint16_t most = 0;
    for (int l = 0; l < kPanel; ++l) {
      const int j = p * kPanel + l;
      if (j >= source.count) {
        gaps[j] = 0;
        continue;
      }
      gaps[j] = RoundGap(
          std::max(0.0, skeletons.exact_squared_length(source.first + j) -
                            static_cast<double>(squared[l])) +
          slack);
      most = std::max(most, gaps[j]);
      seen += squared[l];
    }
    cone_gaps[p] = most;
    largest = std::max(largest, most);
  }
  block_gap_[Pair(to, from)] = static_cast<float>(largest) * kGapUnit;
  seen_[Pair(to, from)] = seen;
}

void SkeletonTables::TakeLengths(const BlockSkeletons& skeletons, int to,
                                 int from) {
  const BlockSkeletons::Block& block = skeletons.block(from);
  uint16_t* gaps = gaps_.data() + to * positions_ + block.first;
  uint16_t* cone_gaps = cone_gaps_.data() + to * cones_ + block.first / kPanel;
  uint16_t longest = 0;
  for (int j = 0; j < block.count; ++j) {
    gaps[j] = RoundGap(skeletons.exact_squared_length(block.first + j));
    uint16_t& cone = cone_gaps[j / kPanel];
    cone = std::max(j % kPanel == 0 ? uint16_t{0} : cone, gaps[j]);
    longest = std::max(longest, gaps[j]);
  }
  std::fill(gaps + block.count, gaps + skeletons.num_panels(from) * kPanel,
            uint16_t{0});
  block_gap_[Pair(to, from)] = static_cast<float>(longest) * kGapUnit;
}

int64_t SkeletonTables::bytes() const {
  return static_cast<int64_t>(
      sizeof(float) * (c_.size() + norm_.size() + block_gap_.size()) +
      sizeof(uint16_t) * (gaps_.size() + cone_gaps_.size()) +
      sizeof(int32_t) * order_.size() + sizeof(int64_t) * offset_.size());
}

}  // namespace rct
