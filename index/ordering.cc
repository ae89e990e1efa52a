#include "index/ordering.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "index/exceptions.h"
#include "index/farthest_tree.h"
#include "index/validation.h"
#include "metric/euclidean_range.h"
#include "metric/inducing_points.h"

namespace rct {
namespace {

// The stream of random numbers that orders rows.
constexpr uint64_t kOrderingStream = 0x6f72646572;  // "order"

using Order = std::vector<int64_t>;

bool MeasuresDistances(const OrderingConfig& config) {
  return config.method() == OrderingConfig::MAXMIN ||
         config.method() == OrderingConfig::MIDDLE_OUT;
}

absl::Status ValidateLengthscale(const OrderingConfig& config, int64_t dim) {
  const int given = config.lengthscale_size();
  if (given > 1 && given != dim) {
    return absl::InvalidArgumentError(
        absl::StrCat("lengthscale: has ", given, " values, the points have ",
                     dim, " coordinates; give one value or one for each"));
  }
  for (int t = 0; t < given; ++t) {
    const double value = config.lengthscale(t);
    if (value > 0 && std::isfinite(value)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "lengthscale[", t, "]: is ", value, "; must be positive and finite"));
  }
  return absl::OkStatus();
}

absl::Status Validate(MatrixView<const double> points,
                      const OrderingConfig& config) {
  if (config.method() == OrderingConfig::METHOD_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        "method: not given; choose MAXMIN, RANDOM, COORDINATE or MIDDLE_OUT");
  }
  RCT_RETURN_IF_ERROR(ValidateThreads(config.threads()));
  RCT_RETURN_IF_ERROR(ValidateFinite("points", points));
  RCT_RETURN_IF_ERROR(ValidateLengthscale(config, points.cols));
  if (config.num_first() < 0 || config.num_first() > points.rows) {
    return absl::InvalidArgumentError(
        absl::StrCat("num_first: is ", config.num_first(),
                     "; must be from 0 to the number of rows, ", points.rows));
  }
  if (config.column() < 0 || config.column() >= points.cols) {
    return absl::InvalidArgumentError(
        absl::StrCat("column: is ", config.column(), "; must be from 0 to ",
                     points.cols - 1, ", the last coordinate"));
  }
  return absl::OkStatus();
}

// Returns the coordinates in units of the lengthscales.
Matrix<double> Scaled(MatrixView<const double> points,
                      const OrderingConfig& config) {
  Matrix<double> scaled = Matrix<double>::Copy(points);
  const int given = config.lengthscale_size();
  if (given == 0) return scaled;
  for (int64_t i = 0; i < points.rows; ++i) {
    for (int64_t t = 0; t < points.cols; ++t) {
      scaled(i, t) /= config.lengthscale(given == 1 ? 0 : static_cast<int>(t));
    }
  }
  return scaled;
}

MatrixView<const double> RowsOf(MatrixView<const double> points, int64_t first,
                                int64_t count) {
  return {points.row(first), count, points.cols, points.stride};
}

std::vector<double> Mean(MatrixView<const double> points) {
  std::vector<double> mean(points.cols);
  for (int64_t i = 0; i < points.rows; ++i) {
    for (int64_t t = 0; t < points.cols; ++t) mean[t] += points(i, t);
  }
  for (double& value : mean) value /= static_cast<double>(points.rows);
  return mean;
}

// Returns the squared distances of the points from `place`.
std::vector<double> SquaredFrom(MatrixView<const double> points,
                                absl::Span<const double> place) {
  std::vector<double> squared(points.rows);
  for (int64_t i = 0; i < points.rows; ++i) {
    for (int64_t t = 0; t < points.cols; ++t) {
      const double difference = points(i, t) - place[t];
      squared[i] = std::fma(difference, difference, squared[i]);
    }
  }
  return squared;
}

struct Keyed {
  double value;
  int64_t row;

  bool operator<(const Keyed& other) const {
    return value != other.value ? value < other.value : row < other.row;
  }
};

// Sorts runs, and then merges pairs of them until one is left. All keys differ,
// so that the result is the same for any number of threads.
void Sort(absl::Span<Keyed> keys, int threads, Monitor* monitor) {
  constexpr int64_t kFirstWidth = 1 << 15;
  const int64_t n = std::ssize(keys);
  const auto run = [&](int64_t begin) {
    return keys.begin() + std::min(begin, n);
  };
  int64_t width = kFirstWidth;
  {
    const Monitor::Part part(monitor, /*share=*/0.5);
    ParallelFor(threads, (n + width - 1) / width, monitor, [&](int64_t i, int) {
      std::sort(run(i * width), run((i + 1) * width));
    });
  }
  for (; width < n && Monitor::Go(monitor); width *= 2) {
    const Monitor::Part part(monitor, /*share=*/0.3);
    ParallelFor(threads, (n + 2 * width - 1) / (2 * width), monitor,
                [&](int64_t i, int) {
                  const int64_t begin = 2 * i * width;
                  std::inplace_merge(run(begin), run(begin + width),
                                     run(begin + 2 * width));
                });
  }
}

// Appends the rows [first, first + values.size()) by ascending value.
void AppendSorted(absl::Span<const double> values, int64_t first, int threads,
                  Monitor* monitor, Order& order) {
  std::vector<Keyed> keys(values.size());
  for (size_t i = 0; i < keys.size(); ++i) {
    keys[i] = {values[i], first + static_cast<int64_t>(i)};
  }
  Sort(absl::MakeSpan(keys), threads, monitor);
  for (const Keyed& key : keys) order.push_back(key.row);
}

// Appends the rows [0, num_first) and then the others, by ascending value.
void AppendGroups(absl::Span<const double> values, int64_t num_first,
                  int threads, Monitor* monitor, Order& order) {
  {
    const Monitor::Part part(monitor, static_cast<double>(num_first) /
                                          static_cast<double>(values.size()));
    AppendSorted(values.subspan(0, num_first), 0, threads, monitor, order);
  }
  AppendSorted(values.subspan(num_first), num_first, threads, monitor, order);
}

// Appends the rows [first, first + points.rows) of `tree`, which is over these
// points: those that are at a distance from all before them, the farthest
// first, and then the rest by row. `next` is the first of them, or -1 if it is
// the farthest as well.
void AppendFarthestFirst(MatrixView<const double> points, int64_t first,
                         int64_t next, FarthestTree& tree, Monitor* monitor,
                         Order& order) {
  std::vector<bool> ordered(points.rows);
  const Monitor::Part part(monitor, /*share=*/1, points.rows);
  if (next < 0 && tree.farthest_squared() > 0) next = tree.farthest_row();
  while (next >= 0 && Monitor::Go(monitor, 1)) {
    order.push_back(first + next);
    ordered[next] = true;
    tree.Choose(points.row(next));
    next = tree.farthest_squared() > 0 ? tree.farthest_row() : -1;
  }
  for (int64_t i = 0; i < points.rows; ++i) {
    if (!ordered[i]) order.push_back(first + i);
  }
}

// Returns the squared distance of each point to the nearest of the tree's.
std::vector<double> NearestSquared(MatrixView<const double> points,
                                   const FarthestTree& tree, int threads,
                                   Monitor* monitor) {
  constexpr int64_t kPointsOfATask = 256;
  std::vector<double> squared(points.rows);
  ParallelFor(threads, (points.rows + kPointsOfATask - 1) / kPointsOfATask,
              monitor, [&](int64_t task, int) {
                const int64_t begin = task * kPointsOfATask;
                const int64_t end =
                    std::min(begin + kPointsOfATask, points.rows);
                for (int64_t i = begin; i < end; ++i) {
                  squared[i] = tree.NearestSquared(points.row(i));
                }
              });
  return squared;
}

// The shares of the work for a group that are its tree, and its distances from
// the group before.
constexpr double kShareOfTree = 0.2;
constexpr double kShareOfDistances = 0.3;

FarthestTree Plant(MatrixView<const double> points, Monitor* monitor) {
  const Monitor::Part part(monitor, kShareOfTree);
  return FarthestTree(points, monitor);
}

// Orders the first `num_first` points, and then the others.
void AppendMaxmin(MatrixView<const double> points, int64_t num_first,
                  int threads, Monitor* monitor, Order& order) {
  const MatrixView<const double> group = RowsOf(points, 0, num_first);
  const std::vector<double> squared = SquaredFrom(group, Mean(group));
  const int64_t center =
      std::min_element(squared.begin(), squared.end()) - squared.begin();
  std::optional<Monitor::Part> part(
      std::in_place, monitor,
      static_cast<double>(num_first) / static_cast<double>(points.rows));
  FarthestTree tree = Plant(group, monitor);
  if (!Monitor::Go(monitor)) return;
  AppendFarthestFirst(group, 0, center, tree, monitor, order);
  part.reset();
  if (num_first == points.rows || !Monitor::Go(monitor)) return;

  const MatrixView<const double> rest =
      RowsOf(points, num_first, points.rows - num_first);
  FarthestTree rest_tree = Plant(rest, monitor);
  part.emplace(monitor, kShareOfDistances);
  const std::vector<double> nearest =
      NearestSquared(rest, tree, threads, monitor);
  part.reset();
  if (!Monitor::Go(monitor)) return;
  rest_tree.SetSquared(nearest);
  AppendFarthestFirst(rest, num_first, /*next=*/-1, rest_tree, monitor, order);
}

void AppendMiddleOut(MatrixView<const double> points, int64_t num_first,
                     int threads, Monitor* monitor, Order& order) {
  const std::vector<double> mean = Mean(RowsOf(points, 0, num_first));
  AppendGroups(SquaredFrom(points, mean), num_first, threads, monitor, order);
}

void AppendByCoordinate(MatrixView<const double> points, int64_t column,
                        int64_t num_first, int threads, Monitor* monitor,
                        Order& order) {
  std::vector<double> values(points.rows);
  for (int64_t i = 0; i < points.rows; ++i) values[i] = points(i, column);
  AppendGroups(values, num_first, threads, monitor, order);
}

void AppendRandom(int64_t size, uint64_t seed, int64_t num_first,
                  Order& order) {
  order.resize(size);
  std::iota(order.begin(), order.end(), 0);
  RandomStream stream(seed, kOrderingStream);
  const auto all = absl::MakeSpan(order);
  Shuffle(all.subspan(0, num_first), stream);
  Shuffle(all.subspan(num_first), stream);
}

absl::Status CheckOrderingMemory(MatrixView<const double> points,
                                 const OrderingConfig& config) {
  // The order with what sorts it; scaled coordinates; the tree.
  double bytes = 48;
  const auto d = static_cast<double>(points.cols);
  if (MeasuresDistances(config)) bytes += 8 * d + 8;
  if (config.method() == OrderingConfig::MAXMIN) bytes += 10 * d + 16;
  return CheckMemory(bytes * static_cast<double>(points.rows),
                     absl::StrCat("points: ", points.rows, " rows to order"),
                     "take fewer points, or order them by a coordinate");
}

absl::Status AppendByDistances(MatrixView<const double> points,
                               const OrderingConfig& config, int64_t num_first,
                               Monitor* monitor, Order& order) {
  const Matrix<double> scaled = Scaled(points, config);
  RCT_RETURN_IF_ERROR(ValidateEuclideanPoints(scaled.view()));
  const int threads = ResolveThreads(config.threads());
  if (config.method() == OrderingConfig::MAXMIN) {
    AppendMaxmin(scaled.view(), num_first, threads, monitor, order);
  } else {
    AppendMiddleOut(scaled.view(), num_first, threads, monitor, order);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> OrderPoints(
    MatrixView<const double> points, const OrderingConfig& config,
    Monitor* monitor) try {
  const Monitor::Part whole(monitor);
  RCT_RETURN_IF_ERROR(Validate(points, config));
  RCT_RETURN_IF_ERROR(CheckOrderingMemory(points, config));
  Order order;
  order.reserve(points.rows);
  if (points.rows == 0) return order;
  // One group is a first group that holds all.
  const int64_t num_first =
      config.num_first() == 0 ? points.rows : config.num_first();
  if (MeasuresDistances(config)) {
    RCT_RETURN_IF_ERROR(
        AppendByDistances(points, config, num_first, monitor, order));
  } else if (config.method() == OrderingConfig::COORDINATE) {
    AppendByCoordinate(points, config.column(), num_first,
                       ResolveThreads(config.threads()), monitor, order);
  } else {
    AppendRandom(points.rows, config.seed(), num_first, order);
  }
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  return order;
} catch (...) {
  return StatusOfException("OrderPoints");
}

absl::Status ValidateOrder(absl::Span<const int64_t> order, int64_t n) {
  const auto size = static_cast<int64_t>(order.size());
  if (size != n) {
    return absl::InvalidArgumentError(
        absl::StrCat("order: has ", size, " elements, the data has ", n,
                     " rows; each row is needed once"));
  }
  std::vector<int64_t> place(n, -1);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = order[i];
    if (row < 0 || row >= n) {
      return absl::InvalidArgumentError(
          absl::StrCat("order: element ", i, " is ", row,
                       "; must be from 0 to ", n - 1, ", the last row"));
    }
    if (place[row] >= 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("order: element ", i, " is ", row, ", as element ",
                       place[row], " is; each row is needed once"));
    }
    place[row] = i;
  }
  return absl::OkStatus();
}

std::vector<int64_t> RanksOf(absl::Span<const int64_t> order) {
  std::vector<int64_t> ranks(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    ranks[order[i]] = static_cast<int64_t>(i);
  }
  return ranks;
}

}  // namespace rct
