#include "experiments/scale/trial_strata.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/random.h"
#include "experiments/scale/cell_cloud.h"
#include "experiments/scale/uniform_cloud.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_factors.h"

namespace rct {
namespace {

// How many times as many points the shells up to one hold as those up to the
// one before, and their number.
constexpr int64_t kGrowth = 8;
constexpr int kShells = 3;

// Points that are drawn for one that is wanted, at most.
constexpr int64_t kMostDraws = 64;

// The stream of trial queries: "trial" in ASCII.
constexpr uint64_t kTrialStream = 0x747269616c;
// That of those far from inducing points: "rest".
constexpr uint64_t kRestStream = 0x72657374;

// Returns the radius of a ball of a volume.
double RadiusOf(double volume, int64_t dim) {
  const auto d = static_cast<double>(dim);
  const double ball =
      std::pow(std::numbers::pi, d / 2) / std::tgamma(d / 2 + 1);
  return std::pow(volume / ball, 1 / d);
}

}  // namespace

struct TrialStrata::Sample {
  std::vector<double> points;
  std::vector<double> before;
  std::vector<double> weights;

  void Add(const double* point, int64_t dim, double part, double weight) {
    points.insert(points.end(), point, point + dim);
    before.push_back(part);
    weights.push_back(weight);
  }
};

double TrialStrata::QueriesOf(int cell) const {
  const auto count = static_cast<double>(cells_.count(cell));
  if (!search_.predecessor) return count;
  const double early =
      static_cast<double>(search_.early_rows) / static_cast<double>(cloud_.n);
  return count * (1 - early);
}

TrialQueries TrialStrata::Make(int cell, int64_t count) const {
  Sample sample = cells_.whole() ? RowsOf(cell, count) : NewPoints(cell, count);
  TrialQueries queries;
  queries.points = Matrix<double>(std::ssize(sample.before), cloud_.dim);
  std::copy(sample.points.begin(), sample.points.end(), queries.points.data());
  queries.before = std::move(sample.before);
  queries.weights = std::move(sample.weights);
  return queries;
}

TrialStrata::Nearest TrialStrata::NearestInducing(const double* point) const {
  const Matrix<double>& z = factor_.inducing().coordinates;
  const absl::Span<const double> scale = factor_.kernel().inverse_lengthscale();
  Nearest nearest = {std::numeric_limits<double>::infinity(), 0};
  for (int64_t i = 0; i < z.rows(); ++i) {
    double squared = 0;
    for (int64_t j = 0; j < cloud_.dim; ++j) {
      const double x = scale[j] * (point[j] - z(i, j));
      squared += x * x;
    }
    if (squared < nearest.squared) nearest = {squared, i};
  }
  return nearest;
}

TrialStrata::Sample TrialStrata::RowsOf(int cell, int64_t count) const {
  const CellView& points = cells_.thin()[cell];
  std::vector<std::pair<double, int64_t>> by_distance;
  for (int64_t i = 0; i < points.size(); ++i) {
    if (search_.predecessor && points.rows[i] < search_.early_rows) continue;
    by_distance.emplace_back(NearestInducing(points.point(i)).squared, i);
  }
  std::sort(by_distance.begin(), by_distance.end());
  const auto queries = std::ssize(by_distance);
  Sample sample;
  int64_t first = 0;
  for (int64_t last = count; first < queries; last *= kGrowth) {
    last = std::min(last, queries);
    const int64_t some = std::min(count, last - first);
    // In the order of rows, so that there are as many of early as of late ones.
    std::vector<int64_t> stratum;
    for (int64_t i = first; i < last; ++i) {
      stratum.push_back(by_distance[i].second);
    }
    std::sort(stratum.begin(), stratum.end());
    for (int64_t i = 0; i < some; ++i) {
      const int64_t place = stratum[(2 * i + 1) * (last - first) / (2 * some)];
      const double part = search_.predecessor
                              ? static_cast<double>(points.rows[place]) /
                                    static_cast<double>(cloud_.n)
                              : 1.0;
      sample.Add(points.point(place), cloud_.dim, part,
                 static_cast<double>(last - first) / static_cast<double>(some));
    }
    first = last;
  }
  return sample;
}

void TrialStrata::AddShell(int cell, int64_t inducing, Shell shell,
                           int64_t count, double weight, uint64_t stream,
                           Sample& sample) const {
  const int64_t dim = cloud_.dim;
  const auto d = static_cast<double>(dim);
  const Matrix<double>& z = factor_.inducing().coordinates;
  const absl::Span<const double> scale = factor_.kernel().inverse_lengthscale();
  RandomStream random(cloud_.seed + stream, kTrialStream);
  std::vector<double> point(dim);
  for (int64_t i = 0; i < count; ++i) {
    double length = 0;
    for (double& x : point) {
      x = random.Normal();
      length += x * x;
    }
    const double volume = std::lerp(std::pow(shell.inner, d),
                                    std::pow(shell.outer, d), random.Uniform());
    const double radius = std::pow(volume, 1 / d) / std::sqrt(length);
    bool inside = true;
    for (int64_t j = 0; j < dim; ++j) {
      point[j] = z(inducing, j) + radius * point[j] / scale[j];
      inside = inside && point[j] >= cells_.low(cell)[j] &&
               point[j] < cells_.high(cell)[j];
    }
    if (!inside || NearestInducing(point.data()).inducing != inducing) continue;
    // Multiples of the golden ratio are spread evenly, whichever are inside.
    const double place =
        std::fmod(static_cast<double>(i) * std::numbers::phi, 1.0);
    sample.Add(point.data(), dim, BeforeOf(place), weight);
  }
}

double TrialStrata::BeforeOf(double place) const {
  const double early =
      static_cast<double>(search_.early_rows) / static_cast<double>(cloud_.n);
  return search_.predecessor ? std::lerp(early, 1.0, place) : 1.0;
}

double TrialStrata::DistanceTo(int cell, int64_t inducing) const {
  const double* z = factor_.inducing().coordinates.row(inducing);
  double squared = 0;
  for (int64_t j = 0; j < cloud_.dim; ++j) {
    const double x =
        std::clamp(z[j], cells_.low(cell)[j], cells_.high(cell)[j]) - z[j];
    squared += std::pow(factor_.kernel().inverse_lengthscale()[j] * x, 2);
  }
  return std::sqrt(squared);
}

TrialStrata::Sample TrialStrata::NewPoints(int cell, int64_t count) const {
  const int64_t dim = cloud_.dim;
  const auto n = static_cast<double>(cloud_.n);
  double scale_volume = 1;
  for (const double x : factor_.kernel().inverse_lengthscale()) {
    scale_volume *= x;
  }
  const double queries = QueriesOf(cell);
  const double later = queries / static_cast<double>(cells_.count(cell));
  // The number of points in a ball says how large it is.
  double radius[kShells + 1] = {};
  auto points = static_cast<double>(count);
  for (int shell = 1; shell <= kShells; ++shell, points *= kGrowth) {
    radius[shell] = RadiusOf(points / n * scale_volume, dim);
  }
  Sample sample;
  const int64_t m = factor_.inducing().coordinates.rows();
  double of_draw = 1;
  for (int shell = 0; shell < kShells; ++shell) {
    for (int64_t i = 0; i < m; ++i) {
      if (DistanceTo(cell, i) > radius[shell + 1]) continue;
      AddShell(cell, i, {radius[shell], radius[shell + 1]}, count,
               later * of_draw,
               static_cast<uint64_t>((cell * m + i) * kShells + shell), sample);
    }
    of_draw = static_cast<double>(kGrowth - 1) *
              std::pow(static_cast<double>(kGrowth), shell);
  }
  AddRest(cell, radius[kShells], count, queries, sample);
  return sample;
}

void TrialStrata::AddRest(int cell, double radius, int64_t count,
                          double queries, Sample& sample) const {
  RandomStream random(cloud_.seed + static_cast<uint64_t>(cell), kRestStream);
  std::vector<double> point(cloud_.dim);
  std::vector<double> points;
  int64_t drawn = 0;
  for (; drawn < kMostDraws * count && std::ssize(points) < count * cloud_.dim;
       ++drawn) {
    for (int64_t j = 0; j < cloud_.dim; ++j) {
      const double low = cells_.low(cell)[j];
      point[j] = low + random.Uniform() * (cells_.high(cell)[j] - low);
    }
    if (NearestInducing(point.data()).squared < radius * radius) continue;
    points.insert(points.end(), point.begin(), point.end());
  }
  const int64_t some = std::ssize(points) / cloud_.dim;
  for (int64_t i = 0; i < some; ++i) {
    sample.Add(
        points.data() + i * cloud_.dim, cloud_.dim,
        BeforeOf((static_cast<double>(i) + 0.5) / static_cast<double>(some)),
        queries / static_cast<double>(drawn));
  }
}

}  // namespace rct
