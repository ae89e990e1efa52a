#include "index/streaming/far_field_cells.h"

#include <algorithm>
#include <bit>
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
#include "absl/types/span.h"
#include "base/aligned_buffer.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/packing.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/far_field_boxes.h"
#include "traversal/block/far_field_expansions.h"
#include "traversal/block/far_field_routines.h"
#include "traversal/exhaustive/screen_frame.h"

namespace rct {
namespace {

// Points of a cell whose V is there at once.
constexpr int64_t kPiece = 1024;

// The memory of all expansions.
constexpr int64_t kExpansionBytes = int64_t{512} << 20;

}  // namespace

// The queries of a cell, in panels of kFarPanel.
struct FarFieldCells::Panels {
  int64_t count;
  AlignedBuffer<float> polynomials;
  std::vector<float> reach;
  float least_reach;
};

bool FarFieldCells::Offered(const InducingFactor& factor) {
  return factor.num_inducing() > 0 && factor.rounding().Validate().ok() &&
         ChebyshevGrid::SideFor(factor.kernel().family(),
                                factor.kernel().dim()) > 0;
}

FarFieldCells::FarFieldCells(std::shared_ptr<const InducingFactor> factor,
                             int64_t count)
    : factor_(std::move(factor)),
      unit_(ScreenUnit(factor_->kernel().variance())),
      bound_(factor_->num_inducing(), factor_->kernel().dim(),
             factor_->kernel().variance() * unit_ * unit_, /*scale=*/1),
      routines_(FarFieldRoutinesFor(factor_->simd().isa)),
      boxes_(factor_, factor_->simd(), /*scale=*/{}, count),
      expansions_(boxes_.grid(), static_cast<int>(count), kExpansionBytes,
                  /*error_scale=*/1),
      most_(count, count),
      min_root_(count, std::numeric_limits<float>::infinity()) {}

std::vector<FarFieldBoxes::Worker> FarFieldCells::Workers(int64_t most) const {
  const int64_t count =
      std::clamp<int64_t>(most, 1, std::max<int64_t>(1, boxes_.size()));
  std::vector<FarFieldBoxes::Worker> workers;
  workers.reserve(count);
  for (int64_t w = 0; w < count; ++w) workers.emplace_back(boxes_, kPiece);
  return workers;
}

absl::Status FarFieldCells::AddCell(int cell, const CellView& points,
                                    FarFieldBoxes::Worker& worker) {
  boxes_.MakeBox(cell, points.from, points.places);
  std::vector<int32_t> all(kPiece);
  std::iota(all.begin(), all.end(), 0);
  for (int64_t first = 0; first < points.size(); first += kPiece) {
    const int64_t count = std::min(kPiece, points.size() - first);
    RCT_ASSIGN_OR_RETURN(const ResidualPoints factors,
                         factor_->Project(points.Coordinates(first, count),
                                          /*num_threads=*/1));
    boxes_.AddPoints(cell, factors, absl::MakeConstSpan(all).first(count),
                     worker);
    for (int64_t i = 0; i < count; ++i) {
      const double s = factors.inverse_sqrt[i] / unit_;
      min_root_[cell] = std::min(min_root_[cell], FloatBelow(1 / s));
    }
  }
  return absl::OkStatus();
}

absl::Status FarFieldCells::AddCells(const CellPoints& cells, int first,
                                     int last, int threads, Monitor* monitor) {
  std::vector<FarFieldBoxes::Worker> workers = Workers(threads);
  std::vector<absl::Status> errors(workers.size());
  ParallelFor(
      static_cast<int>(workers.size()), last - first, monitor,
      [&](int64_t task, int worker) {
        const int cell = first + static_cast<int>(task);
        errors[worker].Update(AddCell(cell, cells[cell], workers[worker]));
      });
  for (const absl::Status& error : errors) RCT_RETURN_IF_ERROR(error);
  return Monitor::Check(monitor);
}

std::string FarFieldCells::PackCell(int cell) const {
  std::string bytes;
  Pack(min_root_[cell], bytes);
  return bytes + boxes_.PackBox(cell);
}

void FarFieldCells::ReadCell(int cell, std::string_view bytes) {
  min_root_[cell] = Unpacker(bytes).Value<float>();
  boxes_.AddBox(cell, bytes.substr(sizeof(float)));
}

absl::Status FarFieldCells::DoTasks(int part, int parts, int threads,
                                    Monitor* monitor) {
  std::vector<FarFieldBoxes::Worker> workers = Workers(threads);
  const int64_t tasks = (num_tasks() - part + parts - 1) / parts;
  ParallelFor(static_cast<int>(workers.size()), tasks, monitor,
              [&](int64_t task, int worker) {
                const int a = static_cast<int>(part + task * parts);
                for (int b = a; b < static_cast<int>(boxes_.size()); ++b) {
                  most_(a, b) = most_(b, a) = boxes_.BoundPair(
                      a, b, unit_, expansions_, workers[worker]);
                }
              });
  return Monitor::Check(monitor);
}

std::string FarFieldCells::PackTask(int64_t task) const {
  const int a = static_cast<int>(task);
  std::string bytes;
  for (int b = a; b < static_cast<int>(boxes_.size()); ++b) {
    Pack(most_(a, b), bytes);
    expansions_.PackPair(a, b, bytes);
  }
  return bytes;
}

void FarFieldCells::ReadTask(int64_t task, std::string_view bytes) {
  const int a = static_cast<int>(task);
  Unpacker unpacker(bytes);
  for (int b = a; b < static_cast<int>(boxes_.size()); ++b) {
    most_(a, b) = most_(b, a) = unpacker.Value<float>();
    expansions_.ReadPair(a, b, unpacker);
  }
}

FarFieldCells::Panels FarFieldCells::Load(int from,
                                          const CellQueries& queries) const {
  const auto count = static_cast<int64_t>(queries.positions.size());
  const int64_t padded = (count + kFarPanel - 1) / kFarPanel * kFarPanel;
  Panels panels = {count, AlignedBuffer<float>(padded * expansions_.terms()),
                   std::vector<float>(count),
                   std::numeric_limits<float>::infinity()};
  std::fill(panels.polynomials.begin(), panels.polynomials.end(), 0.0f);
  for (int64_t i = 0; i < count; ++i) {
    const int32_t position = queries.positions[i];
    double x[ChebyshevGrid::kMaxDim];
    boxes_.CubeCoordinates(from, queries.points.points.row(position), x);
    expansions_.Polynomials(
        x,
        panels.polynomials.data() +
            i / kFarPanel * kFarPanel * expansions_.terms() + i % kFarPanel,
        kFarPanel);
    const float theta =
        bound_.Theta(FloatBelow(1 - std::min(queries.squared[i], 2.0)));
    panels.reach[i] =
        bound_.Reach(theta, queries.points.inverse_sqrt[position] / unit_);
    panels.least_reach = std::min(panels.least_reach, panels.reach[i]);
  }
  return panels;
}

uint32_t FarFieldCells::Wanted(int from, int to, const Panels& panels,
                               int64_t first, float* expansion,
                               bool& loaded) const {
  const float of_all = most_(from, to);
  const float left = expansions_.left(from, to);
  uint32_t wanted = 0;
  bool may_help = false;
  for (int l = 0; l < kFarPanel && first + l < panels.count; ++l) {
    const float need = panels.reach[first + l] * min_root_[to];
    const bool may = !(of_all < need);
    wanted |= static_cast<uint32_t>(may) << l;
    may_help = may_help || (may && left < need);
  }
  if (!may_help) return wanted;
  if (!std::exchange(loaded, true)) expansions_.Load(from, to, expansion);
  alignas(64) float sums[kFarPanel];
  routines_->size_sums(expansion, expansions_.terms(),
                       panels.polynomials.data() + first * expansions_.terms(),
                       sums);
  for (uint32_t rest = wanted; rest != 0; rest &= rest - 1) {
    const int l = std::countr_zero(rest);
    if (FarFieldExpansions::Bound(sums[l], left) <
        panels.reach[first + l] * min_root_[to]) {
      wanted &= ~(1u << l);
    }
  }
  return wanted;
}

void FarFieldCells::Find(
    int from, const CellQueries& queries, absl::Span<const int32_t> others,
    absl::FunctionRef<void(int32_t, int32_t)> wanted) const {
  const Panels panels = Load(from, queries);
  AlignedBuffer<float> expansion(int64_t{expansions_.terms()} *
                                 expansions_.terms());
  for (const int32_t to : others) {
    if (most_(from, to) < panels.least_reach * min_root_[to]) continue;
    bool loaded = false;
    for (int64_t first = 0; first < panels.count; first += kFarPanel) {
      for (uint32_t rest =
               Wanted(from, to, panels, first, expansion.data(), loaded);
           rest != 0; rest &= rest - 1) {
        wanted(static_cast<int32_t>(first + std::countr_zero(rest)), to);
      }
    }
  }
}

int64_t FarFieldCells::bytes() const {
  return boxes_.bytes() + expansions_.bytes() + 4 * most_.rows() * most_.cols();
}

}  // namespace rct
