#include "metric/seeding.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/random.h"
#include "metric/lane_padding.h"
#include "metric/scaled_points.h"

namespace rct {
namespace {

// The stream of this use of a seed: "kmeans++" in ASCII.
constexpr uint64_t kSeedingStream = 0x6b6d65616e732b2b;

// Sums are of squares times this, which is exact for all but the smallest.
constexpr double kShare = 0x1p-40;

// Calls next(nearest) for each further row until there are `count`, or none.
template <class Next>
std::vector<int64_t> Choose(const ScaledPoints& points, int64_t first,
                            int64_t count, int threads, Monitor* monitor,
                            Next next) {
  const Monitor::Part part(monitor, /*share=*/1, count);
  NearestPlace nearest(points, threads);
  std::vector<int64_t> rows;
  for (int64_t row = first; row >= 0; row = next(nearest)) {
    rows.push_back(row);
    if (static_cast<int64_t>(rows.size()) == count) break;
    nearest.Add(points.Place(row).data());
    if (!Monitor::Go(monitor, 1)) break;
  }
  return rows;
}

}  // namespace

NearestPlace::NearestPlace(const ScaledPoints& points, int threads)
    : points_(points),
      threads_(threads),
      squared_(RoundUpToLanes(points.size())),
      summaries_(points.num_segments()) {
  std::fill_n(squared_.data(), points.size(),
              std::numeric_limits<double>::infinity());
  std::fill(squared_.data() + points.size(), squared_.end(), 0.0);
}

void NearestPlace::Add(const double* place) {
  ParallelFor(threads_, points_.num_segments(), [&](int64_t index, int) {
    summaries_[index] = AddToSegment(place, points_.segment(index));
  });
}

NearestPlace::Summary NearestPlace::AddToSegment(const double* place,
                                                 RowSegment segment) {
  alignas(64) std::array<double, kRowBlock> squared;
  std::array<double, kLanes> sum = {};
  std::array<double, kLanes> greatest = {};
  ForRowBlocks(segment, [&](int64_t first, int64_t count) {
    points_.SquaredDistances(place, first, count, squared.data());
    double* const nearest = squared_.data() + first;
    // The zeros beyond the last row stay zeros and add nothing.
    for (int64_t j = 0; j < count; j += kLanes) {
      for (int l = 0; l < kLanes; ++l) {
        const double least = std::min(nearest[j + l], squared[j + l]);
        nearest[j + l] = least;
        sum[l] += kShare * least;
        greatest[l] = std::max(greatest[l], least);
      }
    }
  });
  Summary summary;
  for (int l = 0; l < kLanes; ++l) {
    summary.sum += sum[l];
    summary.greatest = std::max(summary.greatest, greatest[l]);
  }
  return summary;
}

int64_t NearestPlace::Farthest() const {
  const auto segment = std::max_element(summaries_.begin(), summaries_.end(),
                                        [](const Summary& a, const Summary& b) {
                                          return a.greatest < b.greatest;
                                        });
  if (segment->greatest == 0) return -1;
  int64_t row = points_.segment(segment - summaries_.begin()).begin;
  while (squared_[row] != segment->greatest) ++row;
  return row;
}

int64_t NearestPlace::Draw(RandomStream& stream) const {
  double total = 0;
  for (const Summary& segment : summaries_) total += segment.sum;
  if (total == 0) return -1;
  const double target = stream.Uniform() * total;
  // Rounding may keep a running sum from exceeding the target. Then the last
  // segment, and below the last row, that adds anything is the one.
  double sum = 0;
  double before = 0;  // the sum of the segments before the one that is drawn
  int64_t drawn = 0;
  for (size_t index = 0; index < summaries_.size() && sum <= target; ++index) {
    if (summaries_[index].sum == 0) continue;
    before = sum;
    sum += summaries_[index].sum;
    drawn = static_cast<int64_t>(index);
  }
  const RowSegment segment = points_.segment(drawn);
  sum = before;
  int64_t last = -1;
  for (int64_t row = segment.begin; row < segment.end && sum <= target; ++row) {
    if (squared_[row] == 0) continue;
    sum += kShare * squared_[row];
    last = row;
  }
  return last;
}

std::vector<int64_t> KMeansPlusPlus(const ScaledPoints& points, int64_t count,
                                    uint64_t seed, int threads,
                                    Monitor* monitor) {
  RandomStream stream(seed, kSeedingStream);
  const auto first = static_cast<int64_t>(stream.UniformBelow(points.size()));
  return Choose(points, points.LowestRowAtPlaceOf(first), count, threads,
                monitor, [&](const NearestPlace& nearest) {
                  const int64_t row = nearest.Draw(stream);
                  return row < 0 ? row : points.LowestRowAtPlaceOf(row);
                });
}

std::vector<int64_t> FarthestFirst(const ScaledPoints& points, int64_t count,
                                   int threads, Monitor* monitor) {
  return Choose(points, /*first=*/0, count, threads, monitor,
                [](const NearestPlace& nearest) { return nearest.Farthest(); });
}

}  // namespace rct
