#include "index/farthest_tree.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "metric/point_lanes.h"
#include "metric/simd_routines.h"

namespace rct {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A leaf has at most this many points: a few vectors.
constexpr int32_t kLeafSize = 16;

}  // namespace

FarthestTree::FarthestTree(MatrixView<const double> points, Monitor* monitor)
    : dim_(points.cols),
      simd_(&BestSimdRoutines()),
      monitor_(monitor),
      rows_(points.rows),
      squared_(points.rows, kInfinity),
      lanes_(points.rows, points.cols) {
  std::iota(rows_.begin(), rows_.end(), 0);
  const Monitor::Part part(monitor, /*share=*/1, points.rows);
  Plant(points, 0, static_cast<int32_t>(points.rows));
  lanes_.Gather(points, rows_);
  monitor_ = nullptr;
}

int32_t FarthestTree::Plant(MatrixView<const double> points, int32_t begin,
                            int32_t end) {
  const auto node = static_cast<int32_t>(nodes_.size());
  nodes_.push_back({kInfinity, 0, begin, end, 0});
  const int64_t longest = AddBox(points, begin, end);
  if (end - begin <= kLeafSize) {
    SummarizeLeaf(nodes_[node]);
    Monitor::Go(monitor_, end - begin);
    return node;
  }
  if (!Monitor::Go(monitor_)) return node;
  const int32_t middle = begin + (end - begin) / 2;
  std::nth_element(rows_.begin() + begin, rows_.begin() + middle,
                   rows_.begin() + end, [&](int32_t a, int32_t b) {
                     return points(a, longest) < points(b, longest);
                   });
  Plant(points, begin, middle);
  const int32_t second_child = Plant(points, middle, end);
  nodes_[node].second_child = second_child;
  SummarizeChildren(node);
  return node;
}

int64_t FarthestTree::AddBox(MatrixView<const double> points, int32_t begin,
                             int32_t end) {
  const size_t at = boxes_.size();
  boxes_.resize(at + 2 * dim_);
  double* const lower = boxes_.data() + at;
  double* const upper = lower + dim_;
  std::copy_n(points.row(rows_[begin]), dim_, lower);
  std::copy_n(lower, dim_, upper);
  for (int32_t i = begin + 1; i < end; ++i) {
    const double* const point = points.row(rows_[i]);
    for (int64_t t = 0; t < dim_; ++t) {
      lower[t] = std::min(lower[t], point[t]);
      upper[t] = std::max(upper[t], point[t]);
    }
  }
  int64_t longest = 0;
  for (int64_t t = 1; t < dim_; ++t) {
    if (upper[t] - lower[t] > upper[longest] - lower[longest]) longest = t;
  }
  return longest;
}

double FarthestTree::Bound(int32_t node, const double* place) const {
  const double* const lower = boxes_.data() + 2 * dim_ * node;
  const double* const upper = lower + dim_;
  double sum = 0;
  for (int64_t t = 0; t < dim_; ++t) {
    const double difference =
        std::max({lower[t] - place[t], place[t] - upper[t], 0.0});
    sum = std::fma(difference, difference, sum);
  }
  return sum;
}

void FarthestTree::SquaredInLeaf(const Node& leaf, const double* place,
                                 double* out) const {
  simd_->squared_euclidean_row(place, static_cast<int>(dim_),
                               lanes_.From(leaf.begin), leaf.end - leaf.begin,
                               out);
}

void FarthestTree::Choose(const double* place) {
  if (Bound(0, place) < nodes_[0].farthest) Choose(0, place);
}

void FarthestTree::Choose(int32_t node, const double* place) {
  const int32_t second = nodes_[node].second_child;
  if (second == 0) {
    ChooseInLeaf(nodes_[node], place);
    return;
  }
  bool entered = false;
  for (const int32_t child : {node + 1, second}) {
    if (Bound(child, place) >= nodes_[child].farthest) continue;
    Choose(child, place);
    entered = true;
  }
  if (entered) SummarizeChildren(node);
}

void FarthestTree::ChooseInLeaf(Node& leaf, const double* place) {
  double squared[kLeafSize + kLanes];
  SquaredInLeaf(leaf, place, squared);
  for (int32_t i = leaf.begin; i < leaf.end; ++i) {
    squared_[i] = std::min(squared_[i], squared[i - leaf.begin]);
  }
  SummarizeLeaf(leaf);
}

void FarthestTree::SummarizeLeaf(Node& leaf) {
  leaf.farthest = squared_[leaf.begin];
  leaf.row = rows_[leaf.begin];
  for (int32_t i = leaf.begin + 1; i < leaf.end; ++i) {
    if (squared_[i] < leaf.farthest) continue;
    if (squared_[i] > leaf.farthest || rows_[i] < leaf.row) {
      leaf.farthest = squared_[i];
      leaf.row = rows_[i];
    }
  }
}

void FarthestTree::SummarizeChildren(int32_t node) {
  const Node& a = nodes_[node + 1];
  const Node& b = nodes_[nodes_[node].second_child];
  const bool first =
      a.farthest > b.farthest || (a.farthest == b.farthest && a.row < b.row);
  nodes_[node].farthest = first ? a.farthest : b.farthest;
  nodes_[node].row = first ? a.row : b.row;
}

void FarthestTree::SetSquared(absl::Span<const double> squared) {
  for (size_t i = 0; i < rows_.size(); ++i) squared_[i] = squared[rows_[i]];
  // Children come after their parents.
  for (auto node = static_cast<int32_t>(nodes_.size()); node-- > 0;) {
    if (nodes_[node].second_child == 0) {
      SummarizeLeaf(nodes_[node]);
    } else {
      SummarizeChildren(node);
    }
  }
}

double FarthestTree::NearestSquared(const double* place) const {
  double least = kInfinity;
  Nearest(0, place, least);
  return least;
}

void FarthestTree::Nearest(int32_t node, const double* place,
                           double& least) const {
  const Node& here = nodes_[node];
  if (here.second_child == 0) {
    double squared[kLeafSize + kLanes];
    SquaredInLeaf(here, place, squared);
    for (int32_t i = 0; i < here.end - here.begin; ++i) {
      least = std::min(least, squared[i]);
    }
    return;
  }
  int32_t near = node + 1, far = here.second_child;
  double near_bound = Bound(near, place), far_bound = Bound(far, place);
  if (far_bound < near_bound) {
    std::swap(near, far);
    std::swap(near_bound, far_bound);
  }
  if (near_bound < least) Nearest(near, place, least);
  if (far_bound < least) Nearest(far, place, least);
}

}  // namespace rct
