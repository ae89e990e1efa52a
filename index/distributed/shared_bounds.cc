#include "index/distributed/shared_bounds.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/packing.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "index/distributed/rank_exchange.h"
#include "index/distributed/shared_cells.h"
#include "index/streaming/bound_choice.h"
#include "index/streaming/cell_bounds.h"
#include "index/streaming/far_field_cells.h"
#include "index/streaming/skeleton_cells.h"
#include "index/streaming/streamed_points.h"
#include "index/streaming/unit_plan.h"
#include "metric/residual_factors.h"

namespace rct {
namespace {

// The share of the points in the work.
constexpr double kPointShare = 0.7;

// Makes the bounds of one search.
class Maker {
 public:
  Maker(std::shared_ptr<const InducingFactor> factor, const SharedCells& cells,
        int64_t groups, PointsWith points_with, int threads, Monitor* monitor,
        RankExchange& exchange)
      : factor_(std::move(factor)),
        cells_(cells),
        groups_(groups),
        points_with_(points_with),
        threads_(threads),
        monitor_(monitor),
        exchange_(exchange),
        first_(cells.first_cell(exchange.rank())),
        last_(cells.last_cell(exchange.rank())) {}

  absl::StatusOr<std::unique_ptr<CellBoundsInParts>> Skeletons();
  absl::StatusOr<std::unique_ptr<CellBoundsInParts>> FarField();
  absl::StatusOr<CellTrial> Try(const CellBounds& bounds);

 private:
  absl::StatusOr<Matrix<double>> GatherSamples();
  // Shares items out: packs those for which `mine` holds and gets all others.
  absl::Status Share(int64_t count, absl::FunctionRef<bool(int64_t)> mine,
                     absl::FunctionRef<std::string(int64_t)> pack,
                     absl::FunctionRef<void(int64_t, std::string_view)> read);
  // Makes this rank's part of `bounds`, and gets the others.
  absl::Status MakeTogether(CellBoundsInParts& bounds);

  bool Owns(int64_t cell) const { return cell >= first_ && cell < last_; }

  std::shared_ptr<const InducingFactor> factor_;
  const SharedCells& cells_;
  int64_t groups_;
  PointsWith points_with_;
  int threads_;
  Monitor* monitor_;
  RankExchange& exchange_;
  int first_;
  int last_;
};

absl::Status Maker::Share(
    int64_t count, absl::FunctionRef<bool(int64_t)> mine,
    absl::FunctionRef<std::string(int64_t)> pack,
    absl::FunctionRef<void(int64_t, std::string_view)> read) {
  int64_t next = 0;
  return exchange_.ExchangeWithAll(
      [&](int, int64_t bytes) {
        std::string piece;
        for (; next < count; ++next) {
          if (!mine(next)) continue;
          if (!piece.empty() && std::ssize(piece) >= bytes) break;
          const std::string item = pack(next);
          Pack(next, piece);
          Pack(std::ssize(item), piece);
          piece += item;
        }
        return piece;
      },
      [&](int from, std::string_view piece) {
        if (from == exchange_.rank()) return;
        for (Unpacker unpacker(piece); !unpacker.done();) {
          const auto number = unpacker.Value<int64_t>();
          const auto size = unpacker.Value<int64_t>();
          read(number, unpacker.Bytes(size));
        }
      });
}

absl::Status Maker::MakeTogether(CellBoundsInParts& bounds) {
  const Monitor::Part whole(monitor_);
  RCT_RETURN_IF_ERROR(exchange_.Step([&] {
    const Monitor::Part part(monitor_, kPointShare);
    return bounds.AddCells(cells_.points(), first_, last_, threads_, monitor_);
  }));
  RCT_RETURN_IF_ERROR(Share(
      cells_.points().size(), [&](int64_t c) { return Owns(c); },
      [&](int64_t c) { return bounds.PackCell(static_cast<int>(c)); },
      [&](int64_t c, std::string_view bytes) {
        bounds.ReadCell(static_cast<int>(c), bytes);
      }));
  RCT_RETURN_IF_ERROR(exchange_.Step([&] {
    return bounds.DoTasks(exchange_.rank(), exchange_.size(), threads_,
                          monitor_);
  }));
  return Share(
      bounds.num_tasks(),
      [&](int64_t task) { return task % exchange_.size() == exchange_.rank(); },
      [&](int64_t task) { return bounds.PackTask(task); },
      [&](int64_t task, std::string_view bytes) {
        bounds.ReadTask(task, bytes);
      });
}

absl::StatusOr<Matrix<double>> Maker::GatherSamples() {
  const int64_t size = SkeletonCells::SampleSize(cells_.points(), groups_);
  const int64_t of_group = cells_.points().size() / groups_;
  const int64_t dim = factor_->kernel().dim();
  Matrix<double> samples(groups_ * size, dim);
  const auto add = [&](int64_t group, const double* from) {
    std::copy_n(from, size * dim, samples.row(group * size));
  };
  RCT_RETURN_IF_ERROR(Share(
      groups_, [&](int64_t group) { return Owns(group * of_group); },
      [&](int64_t group) {
        const Matrix<double> sample = SkeletonCells::SampleOf(
            cells_.points(), groups_, static_cast<int>(group));
        add(group, sample.data());
        std::string bytes;
        Pack(absl::MakeConstSpan(sample.data(), size * dim), bytes);
        return bytes;
      },
      [&](int64_t group, std::string_view bytes) {
        Unpacker(bytes).Read(size * dim, samples.row(group * size));
      }));
  return samples;
}

absl::StatusOr<std::unique_ptr<CellBoundsInParts>> Maker::Skeletons() {
  const Monitor::Part whole(monitor_, 0.5);
  RCT_ASSIGN_OR_RETURN(Matrix<double> samples, GatherSamples());
  std::unique_ptr<SkeletonCells> skeletons;
  RCT_RETURN_IF_ERROR(exchange_.Step([&]() -> absl::Status {
    const Monitor::Part part(monitor_, 0.1);
    RCT_ASSIGN_OR_RETURN(
        skeletons,
        SkeletonCells::Create(factor_, std::move(samples), groups_,
                              cells_.points().size(), threads_, monitor_));
    return absl::OkStatus();
  }));
  // Machines that differ may have taken other points for a skeleton; all of
  // them then do without.
  const std::vector<std::string> digests =
      exchange_.Gather(skeletons == nullptr ? "" : skeletons->Digest());
  for (const std::string& digest : digests) {
    if (digest.empty() || digest != digests[0]) return nullptr;
  }
  RCT_RETURN_IF_ERROR(MakeTogether(*skeletons));
  if (!skeletons->sound()) return nullptr;
  return skeletons;
}

absl::StatusOr<std::unique_ptr<CellBoundsInParts>> Maker::FarField() {
  std::unique_ptr<FarFieldCells> far_field;
  RCT_RETURN_IF_ERROR(exchange_.Step([&] {
    far_field =
        std::make_unique<FarFieldCells>(factor_, cells_.points().size());
    return absl::OkStatus();
  }));
  RCT_RETURN_IF_ERROR(MakeTogether(*far_field));
  return far_field;
}

absl::StatusOr<CellTrial> Maker::Try(const CellBounds& bounds) {
  const std::vector<int> cells = TrialCells(cells_.points().size());
  std::vector<CellTrial> trials(cells.size());
  RCT_RETURN_IF_ERROR(exchange_.Step([&] {
    const StreamedPoints all = points_with_(bounds);
    std::vector<absl::Status> errors(trials.size());
    ParallelFor(threads_, std::ssize(trials), [&](int64_t i, int) {
      if (!Owns(cells[i])) return;
      const absl::StatusOr<CellTrial> trial = TryCell(all, cells[i]);
      errors[i] = trial.status();
      if (trial.ok()) trials[i] = *trial;
    });
    absl::Status first;
    for (const absl::Status& error : errors) first.Update(error);
    return first;
  }));
  std::string own;
  for (size_t i = 0; i < trials.size(); ++i) {
    Pack(trials[i].part_wanted, own);
    Pack(trials[i].distance, own);
  }
  const std::vector<std::string> of_ranks = exchange_.Gather(own);
  for (size_t i = 0; i < trials.size(); ++i) {
    Unpacker unpacker(of_ranks[cells_.owner(cells[i])]);
    unpacker.Bytes(static_cast<int64_t>(2 * sizeof(double) * i));
    trials[i].part_wanted = unpacker.Value<double>();
    trials[i].distance = unpacker.Value<double>();
  }
  return TogetherOf(std::move(trials));
}

}  // namespace

absl::StatusOr<BoundChoice> SharedBounds(
    std::shared_ptr<const InducingFactor> factor, const SharedCells& cells,
    int64_t groups, PointsWith points_with, int threads, Monitor* monitor,
    RankExchange& exchange) {
  Maker maker(factor, cells, groups, points_with, threads, monitor, exchange);
  return ChooseBounds(
      *factor,
      {[&] { return maker.Skeletons(); }, [&] { return maker.FarField(); },
       [&](const CellBounds& bounds) { return maker.Try(bounds); }});
}

}  // namespace rct
