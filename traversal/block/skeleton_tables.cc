#include "traversal/block/skeleton_tables.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/archive.h"
#include "base/finite.h"
#include "base/monitor.h"
#include "base/packing.h"
#include "base/parallel.h"
#include "metric/correlation_tile.h"
#include "metric/point_lanes.h"
#include "metric/residual_correlation.h"
#include "traversal/block/block_skeletons.h"
#include "traversal/block/compact_table.h"
#include "traversal/block/filter_routines.h"
#include "traversal/block/skeleton_bounds.h"
#include "traversal/block/skeleton_costs.h"

namespace rct {
namespace {

// The pairs of kTileSide blocks with kTileSide others are one task: rows of V
// come from memory once for all of them, and from a cache after that.
constexpr int kTileSide = 8;

// How far a compact table may be off, |C - C'|_F: of blocks that see each
// other, and of blocks that are far, whose tables are hardly read.
constexpr double kNearError = 0x1p-9;
constexpr double kFarError = 0x1p-6;

constexpr std::string_view kNoSizes =
    "has numbers that are negative or not finite";

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
  Worker(int64_t width, Slabs slabs)
      : by_first(width * width),
        by_second(width * width),
        table(width * width),
        y(kPanel * width),
        slabs(std::move(slabs)) {}

  AlignedBuffer<double> by_first;
  AlignedBuffer<double> by_second;
  AlignedBuffer<float> table;
  AlignedBuffer<float> y;
  std::vector<uint8_t> packed;
  Slabs slabs;
};

SkeletonTables::SkeletonTables(const BlockSkeletons& skeletons, bool keep_gaps)
    : filter_(&skeletons.filter()),
      has_gaps_(keep_gaps),
      num_blocks_(skeletons.num_blocks()),
      positions_(skeletons.num_positions()),
      cones_(skeletons.num_cones()),
      ranks_(RanksOf(skeletons)),
      tables_(int64_t{num_blocks_} * std::max(0, num_blocks_ - 1) / 2),
      near_(int64_t{num_blocks_} * num_blocks_),
      norm_(int64_t{num_blocks_} * num_blocks_),
      block_gap_(norm_.size()),
      order_(int64_t{num_blocks_} * std::max(0, num_blocks_ - 1)),
      seen_(norm_.size()) {
  for (int b = 0; b < num_blocks_; ++b) {
    for (int a = 0; a < b; ++a) evaluations_ += Numbers(b, a);
  }
  TakeLengths(skeletons);
  compact_ = IsCompact();
}

SkeletonTables::SkeletonTables(const ResidualCorrelation& metric,
                               const BlockSkeletons& skeletons, bool keep_gaps,
                               int threads, Monitor* monitor)
    : SkeletonTables(skeletons, keep_gaps) {
  MakeTiles(metric, skeletons, /*part=*/0, /*parts=*/1, threads, monitor);
  if (Monitor::Go(monitor)) MakeOrder(threads);
}

SkeletonTables::SkeletonTables(const ResidualCorrelation& metric,
                               const BlockSkeletons& skeletons, int part,
                               int parts, int threads, Monitor* monitor)
    : SkeletonTables(skeletons, /*keep_gaps=*/false) {
  MakeTiles(metric, skeletons, part, parts, threads, monitor);
}

int64_t SkeletonTables::num_tiles() const {
  const int64_t sides = (num_blocks_ + kTileSide - 1) / kTileSide;
  return sides * (sides + 1) / 2;
}

std::vector<std::pair<int, int>> SkeletonTables::PairsOfTile(
    int64_t tile) const {
  int side = 0;
  while (tile > side) tile -= ++side;
  const int first_b = side * kTileSide;
  const int first_a = static_cast<int>(tile) * kTileSide;
  std::vector<std::pair<int, int>> pairs;
  for (int b = first_b; b < std::min(first_b + kTileSide, num_blocks_); ++b) {
    for (int a = first_a; a < std::min(first_a + kTileSide, b); ++a) {
      pairs.emplace_back(b, a);
    }
  }
  return pairs;
}

void SkeletonTables::MakeTiles(const ResidualCorrelation& metric,
                               const BlockSkeletons& skeletons, int part,
                               int parts, int threads, Monitor* monitor) {
  std::atomic<bool> sound = true;
  const int num_workers = std::max(1, std::min(threads, num_blocks_));
  std::vector<Worker> workers;
  workers.reserve(num_workers);
  for (int i = 0; i < num_workers; ++i) {
    workers.emplace_back(RoundUpToLanes(skeletons.max_rank()),
                         NewSlabs(num_workers));
  }
  const Monitor::Part whole(
      monitor, /*share=*/1,
      int64_t{num_blocks_} * (num_blocks_ - 1) / 2 / parts);
  ParallelFor(num_workers, (num_tiles() - part + parts - 1) / parts,
              [&](int64_t task, int index) {
                for (const auto& [b, a] : PairsOfTile(part + task * parts)) {
                  if (!Monitor::Go(monitor, 1)) return;
                  if (!MakeTable(metric, skeletons, b, a, workers[index])) {
                    sound = false;
                  }
                }
              });
  sound_ = sound;
  for (Worker& worker : workers) slabs_.push_back(std::move(worker.slabs));
}

void SkeletonTables::MakeOrder(int threads) {
  ParallelFor(threads, num_blocks_, [&](int64_t task, int) {
    const int from = static_cast<int>(task);
    const auto order = absl::MakeSpan(order_).subspan(task * (num_blocks_ - 1),
                                                      num_blocks_ - 1);
    std::iota(order.begin(), order.begin() + from, 0);
    std::iota(order.begin() + from, order.end(), from + 1);
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
      const float x = seen_[Pair(a, from)], y = seen_[Pair(b, from)];
      return x != y ? x > y : a < b;
    });
  });
  seen_.clear();
}

std::string SkeletonTables::PackTile(int64_t tile) const {
  std::string bytes;
  Pack(sound_, bytes);
  for (const auto& [b, a] : PairsOfTile(tile)) {
    const int64_t pair = PairOf(b, a);
    const CompactTable& table = tables_[pair];
    Pack(norm(b, a), bytes);
    Pack(table.form, bytes);
    Pack(table.rank, bytes);
    Pack(table.step, bytes);
    Pack(table.error, bytes);
    const int64_t size =
        CompactTable::Bytes(ShapeOf(b, a), table.form, table.rank);
    Pack(size, bytes);
    Pack(absl::MakeConstSpan(table.bytes, size), bytes);
  }
  return bytes;
}

void SkeletonTables::AddTile(int64_t tile, std::string_view bytes) {
  Unpacker unpacker(bytes);
  sound_ = unpacker.Value<bool>() && sound_;
  for (const auto& [b, a] : PairsOfTile(tile)) {
    const int64_t pair = PairOf(b, a);
    norm_[Pair(a, b)] = norm_[Pair(b, a)] = unpacker.Value<float>();
    block_gap_[Pair(a, b)] = block_gap_[Pair(b, b)];
    block_gap_[Pair(b, a)] = block_gap_[Pair(a, a)];
    CompactTable& table = tables_[pair];
    table.form = unpacker.Value<uint8_t>();
    table.rank = unpacker.Value<uint8_t>();
    table.step = unpacker.Value<float>();
    table.error = unpacker.Value<float>();
    const auto size = unpacker.Value<int64_t>();
    uint8_t* const to = slabs_.front().Allocate<uint8_t>(size).data();
    unpacker.Read(size, to);
    table.bytes = to;
  }
}

std::vector<int64_t> SkeletonTables::RanksOf(const BlockSkeletons& skeletons) {
  std::vector<int64_t> ranks;
  for (int b = 0; b < skeletons.num_blocks(); ++b) {
    ranks.push_back(skeletons.block(b).rank);
  }
  return ranks;
}

bool SkeletonTables::IsCompact() const {
  int64_t numbers = 0;
  for (int b = 0; b < num_blocks_; ++b) {
    for (int a = 0; a < b; ++a) numbers += Numbers(b, a);
  }
  return 4 * numbers > SkeletonCosts::kWholeTableBytes * positions_;
}

Slabs SkeletonTables::NewSlabs(int num_workers) const {
  // Gaps, of which hardly a byte is kept where most blocks are far.
  const auto gaps = int64_t{num_blocks_} * positions_ *
                    static_cast<int64_t>(sizeof(uint16_t));
  return Slabs(gaps / num_workers);
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

  float* table = worker.table.data();
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
  MeasureGaps(skeletons, b, a, {table, first.rank, 1}, worker);
  MeasureGaps(skeletons, a, b, {table, 1, first.rank}, worker);
  Keep(b, a, table, worker.packed, worker.slabs);
  // Of orthonormal columns, but for what tau adds.
  return squared <= 1.02 * std::min(first.rank, second.rank);
}

void SkeletonTables::Keep(int larger, int smaller, const float* c,
                          std::vector<uint8_t>& packed, Slabs& slabs) {
  const CompactTable::Shape shape = ShapeOf(larger, smaller);
  CompactTable& table = tables_[PairOf(larger, smaller)];
  table = compact_
              ? CompactTable::Within(
                    *filter_, far(larger, smaller) ? kFarError : kNearError, c,
                    shape, norm(larger, smaller), packed)
              : CompactTable::Whole(c, shape, packed);
  const auto size = static_cast<int64_t>(packed.size());
  uint8_t* const kept = slabs.Allocate<uint8_t>(size).data();
  std::copy_n(packed.data(), size, kept);
  table.bytes = kept;
}

SkeletonTables::Table SkeletonTables::Load(int to, int from,
                                           float* room) const {
  const int larger = std::max(to, from);
  const int smaller = std::min(to, from);
  const float* c = tables_[PairOf(larger, smaller)].Expand(
      *filter_, ShapeOf(larger, smaller), room);
  const int64_t columns = ranks_[smaller];
  return to > from ? Table{c, columns, 1} : Table{c, 1, columns};
}

void SkeletonTables::Prefetch(int to, int from, bool gaps, bool all) const {
  constexpr int64_t kLine = 64;
  const auto prefetch = [](const auto* begin, int64_t size) {
    for (int64_t i = 0; i < size; i += kLine / sizeof(*begin)) {
      __builtin_prefetch(begin + i);
    }
  };
  if (far(to, from)) return;
  if (gaps) prefetch(this->gaps(to, from), BlockSize());
  if (!all) return;
  prefetch(this->gaps(from, to), NearSize());
  const int larger = std::max(to, from);
  const int smaller = std::min(to, from);
  const CompactTable& table = tables_[PairOf(larger, smaller)];
  prefetch(table.bytes, CompactTable::Bytes(ShapeOf(larger, smaller),
                                            table.form, table.rank));
}

template <class Self, class Archive>
void SkeletonTables::Describe(Self& self, Archive& archive) {
  archive.Value("tables.has_gaps", self.has_gaps_);
  archive.Value("tables.num_blocks", self.num_blocks_);
  archive.Value("tables.positions", self.positions_);
  archive.Value("tables.cones", self.cones_);
  archive.Array("tables.ranks", self.ranks_);
  archive.Array("tables.norm", self.norm_);
  archive.Array("tables.block_gap", self.block_gap_);
  archive.Array("tables.order", self.order_);
  archive.Value("tables.sound", self.sound_);
  archive.Value("tables.evaluations", self.evaluations_);
}

// The parts of all tables one after the other.
struct SkeletonTables::Columns {
  template <class Self, class Archive>
  static void Describe(Self& self, Archive& archive) {
    archive.Array("tables.form", self.form);
    archive.Array("tables.rank", self.rank);
    archive.Array("tables.step", self.step);
    archive.Array("tables.error", self.error);
    archive.Array("tables.bytes", self.bytes);
    archive.Array("tables.near_gaps", self.gaps);
  }

  std::vector<uint8_t> form;
  std::vector<uint8_t> rank;
  std::vector<float> step;
  std::vector<float> error;
  AlignedBuffer<uint8_t> bytes;
  AlignedBuffer<uint16_t> gaps;
};

void SkeletonTables::Save(ArchiveWriter& archive) const {
  Columns& columns = archive.Own<Columns>();
  columns.bytes = AlignedBuffer<uint8_t>(TableBytes());
  uint8_t* to = columns.bytes.data();
  ForEachPair([&](int b, int a) {
    const CompactTable& table = tables_[PairOf(b, a)];
    columns.form.push_back(table.form);
    columns.rank.push_back(table.rank);
    columns.step.push_back(table.step);
    columns.error.push_back(table.error);
    to = std::copy_n(table.bytes,
                     CompactTable::Bytes(ShapeOf(b, a), table.form, table.rank),
                     to);
  });
  columns.gaps = AlignedBuffer<uint16_t>(NumNear() * NearSize());
  uint16_t* next = columns.gaps.data();
  for (const uint16_t* gaps : near_) {
    if (gaps != nullptr) next = std::copy_n(gaps, NearSize(), next);
  }
  Describe(*this, archive);
  Columns::Describe(columns, archive);
}

SkeletonTables::SkeletonTables(const BlockSkeletons& skeletons,
                               ArchiveReader& archive)
    : filter_(&skeletons.filter()) {
  Describe(*this, archive);
  if (archive.status().ok()) Check(skeletons, archive);
  if (archive.status().ok()) CheckOrder(archive);
  if (!archive.status().ok()) return;
  tables_.resize(int64_t{num_blocks_} * (num_blocks_ - 1) / 2);
  near_.resize(int64_t{num_blocks_} * num_blocks_);
  TakeLengths(skeletons);
  if (archive.Has("tables.c")) {
    ReadWhole(archive);
  } else {
    ReadColumns(archive);
  }
}

void SkeletonTables::ReadColumns(ArchiveReader& archive) {
  Columns columns;
  Columns::Describe(columns, archive);
  const auto sized = [&](std::string_view name, const auto& column) {
    archive.Expect(column.size() == tables_.size(), name,
                   "is not of the number of all tables");
  };
  sized("tables.form", columns.form);
  sized("tables.rank", columns.rank);
  sized("tables.step", columns.step);
  sized("tables.error", columns.error);
  archive.Expect(AllFiniteAndNotNegative<float>(columns.step), "tables.step",
                 kNoSizes);
  archive.Expect(AllFiniteAndNotNegative<float>(columns.error), "tables.error",
                 kNoSizes);
  if (!archive.status().ok()) return;
  for (size_t i = 0; i < tables_.size(); ++i) {
    archive.Expect(columns.form[i] <= sizeof(float), "tables.form",
                   "has a form that does not exist");
    archive.Expect(
        columns.rank[i] == 0 || columns.form[i] == CompactTable::kProducts,
        "tables.rank", "has products where there are none");
  }
  if (!archive.status().ok()) return;
  file_bytes_ = std::move(columns.bytes);
  file_gaps_ = std::move(columns.gaps);
  int64_t size = 0;
  ForEachPair([&](int b, int a) {
    const int64_t pair = PairOf(b, a);
    tables_[pair] = {file_bytes_.data() + size, columns.form[pair],
                     columns.rank[pair], columns.step[pair],
                     columns.error[pair]};
    size += CompactTable::Bytes(ShapeOf(b, a), columns.form[pair],
                                columns.rank[pair]);
  });
  int64_t num_near = 0;
  for (int to = 0; to < num_blocks_; ++to) {
    for (int from = 0; from < num_blocks_; ++from) {
      if (!IsNear(to, from)) continue;
      near_[Pair(to, from)] = file_gaps_.data() + num_near++ * NearSize();
    }
  }
  archive.Expect(static_cast<int64_t>(file_bytes_.size()) == size,
                 "tables.bytes", "is not of the size of all tables");
  archive.Expect(
      static_cast<int64_t>(file_gaps_.size()) == num_near * NearSize(),
      "tables.near_gaps", "is not of the size of all near blocks");
  if (!archive.status().ok()) return;
  ForEachPair([&](int b, int a) {
    const CompactTable& table = tables_[PairOf(b, a)];
    const bool whole = table.form == sizeof(float);
    if (!whole && table.form != CompactTable::kProducts) return;
    // Numbers, or the steps of products.
    archive.Expect(AllFinite(absl::MakeConstSpan(
                       reinterpret_cast<const float*>(table.bytes),
                       whole ? Numbers(b, a) : table.rank)),
                   "tables.bytes", "has tables that are not finite");
  });
}

void SkeletonTables::ReadWhole(ArchiveReader& archive) {
  std::vector<int64_t> offset;
  AlignedBuffer<float> c;
  AlignedBuffer<uint16_t> gaps;
  AlignedBuffer<uint16_t> cone_gaps;
  archive.Array("tables.offset", offset);
  archive.Array("tables.c", c);
  archive.Array("tables.gaps", gaps);
  archive.Array("tables.cone_gaps", cone_gaps);
  std::vector<int64_t> expected;
  int64_t size = 0;
  ForEachPair([&](int b, int a) {
    expected.push_back(size);
    size += Numbers(b, a);
  });
  const int64_t gap_rows = has_gaps_ ? num_blocks_ : 1;
  archive.Expect(offset == expected, "tables.offset",
                 "has tables that do not follow each other");
  const auto sized = [&](std::string_view name, const auto& array,
                         int64_t expected_size) {
    archive.Expect(static_cast<int64_t>(array.size()) == expected_size, name,
                   "is not of the size of all tables");
  };
  sized("tables.c", c, size);
  sized("tables.gaps", gaps, gap_rows * positions_);
  sized("tables.cone_gaps", cone_gaps, gap_rows * cones_ + kPanel);
  archive.Expect(AllFinite(std::as_const(c).span()), "tables.c",
                 "is not finite");
  if (!archive.status().ok()) return;
  compact_ = IsCompact();
  Slabs& slabs = slabs_.emplace_back(NewSlabs(/*num_workers=*/1));
  std::vector<uint8_t> packed;
  ForEachPair([&](int b, int a) {
    Keep(b, a, c.data() + expected[PairOf(b, a)], packed, slabs);
  });
  const int64_t block_size = BlockSize();
  for (int to = 0; to < num_blocks_; ++to) {
    for (int from = 0; from < num_blocks_; ++from) {
      if (!IsNear(to, from)) continue;
      uint16_t* near = MakeNear(to, from, slabs);
      std::copy_n(gaps.data() + to * positions_ + from * block_size, block_size,
                  near);
      std::copy_n(cone_gaps.data() + to * cones_ + from * (block_size / kPanel),
                  block_size / kPanel, near + block_size);
    }
  }
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
  archive.Expect(ranks_ == RanksOf(skeletons), "tables.ranks",
                 "has other ranks than the skeletons");
  const auto sized = [&](std::string_view name, const auto& array,
                         int64_t expected_size) {
    archive.Expect(static_cast<int64_t>(array.size()) == expected_size, name,
                   "is not of the size of all tables");
  };
  const int64_t pairs = int64_t{num_blocks_} * num_blocks_;
  sized("tables.norm", norm_, pairs);
  sized("tables.block_gap", block_gap_, pairs);
  sized("tables.order", order_, pairs - num_blocks_);
  archive.Expect(AllFiniteAndNotNegative<float>(norm_), "tables.norm",
                 kNoSizes);
  archive.Expect(AllFiniteAndNotNegative<float>(block_gap_), "tables.block_gap",
                 kNoSizes);
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

uint16_t* SkeletonTables::MakeNear(int to, int from, Slabs& slabs) {
  const absl::Span<uint16_t> gaps = slabs.Filled(NearSize(), uint16_t{0});
  near_[Pair(to, from)] = gaps.data();
  return gaps.data();
}

void SkeletonTables::MeasureGaps(const BlockSkeletons& skeletons, int to,
                                 int from, const Table& table, Worker& worker) {
  const BlockSkeletons::Block& target = skeletons.block(to);
  const BlockSkeletons::Block& source = skeletons.block(from);
  if (!IsNear(to, from)) {
    // At most: the order of blocks needs no more.
    seen_[Pair(to, from)] =
        norm(to, from) * norm(to, from) * static_cast<float>(source.count);
    block_gap_[Pair(to, from)] = block_gap_[Pair(from, from)];
    return;
  }
  const double slack = skeletons.slack().Gap(source.rank, target.rank,
                                             norm(to, from), /*error=*/0);
  const PointPanels points = skeletons.points(from, nullptr);
  uint16_t* gaps = MakeNear(to, from, worker.slabs);
  uint16_t* cone_gaps = gaps + BlockSize();
  uint16_t largest = 0;
  float seen = 0;
  for (int p = 0; p < skeletons.num_panels(from); ++p) {
    float squared[kPanel];
    skeletons.filter().project(table.data, table.row_stride,
                               table.column_stride, target.rank, source.rank,
                               points.w + int64_t{kPanel} * source.rank * p,
                               worker.y.data(), squared);
    uint16_t most = 0;
    for (int l = 0; l < kPanel; ++l) {
      const int j = p * kPanel + l;
      if (j >= source.count) break;
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

void SkeletonTables::TakeLengths(const BlockSkeletons& skeletons) {
  lengths_ = AlignedBuffer<uint16_t>(positions_);
  cone_lengths_ = AlignedBuffer<uint16_t>(cones_ + kPanel);
  std::fill(lengths_.begin(), lengths_.end(), uint16_t{0});
  std::fill(cone_lengths_.begin(), cone_lengths_.end(), uint16_t{0});
  for (int b = 0; b < num_blocks_; ++b) {
    const BlockSkeletons::Block& block = skeletons.block(b);
    uint16_t longest = 0;
    for (int64_t i = block.first; i < block.first + block.count; ++i) {
      lengths_[i] = RoundGap(skeletons.exact_squared_length(i));
      cone_lengths_[i / kPanel] =
          std::max(cone_lengths_[i / kPanel], lengths_[i]);
      longest = std::max(longest, lengths_[i]);
    }
    block_gap_[Pair(b, b)] = static_cast<float>(longest) * kGapUnit;
  }
}

int64_t SkeletonTables::TableBytes() const {
  int64_t sum = 0;
  ForEachPair([&](int b, int a) {
    const CompactTable& table = tables_[PairOf(b, a)];
    sum += CompactTable::Bytes(ShapeOf(b, a), table.form, table.rank);
  });
  return sum;
}

int64_t SkeletonTables::NumNear() const {
  return std::ssize(near_) - std::count(near_.begin(), near_.end(), nullptr);
}

int64_t SkeletonTables::bytes() const {
  return TableBytes() +
         static_cast<int64_t>(
             sizeof(tables_[0]) * tables_.size() +
             sizeof(near_[0]) * near_.size() +
             sizeof(float) * (norm_.size() + block_gap_.size()) +
             sizeof(uint16_t) * (lengths_.size() + cone_lengths_.size() +
                                 NumNear() * NearSize()) +
             sizeof(int32_t) * order_.size());
}

}  // namespace rct
