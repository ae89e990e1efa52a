#include "index/distributed/shared_factor.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "base/packing.h"
#include "base/status_macros.h"
#include "index/distributed/rank_exchange.h"
#include "index/distributed/slices.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_factors.h"
#include "metric/simd_routines.h"

namespace rct {
namespace {

// Packs as many points from `next` on as a piece holds, and moves `next`
// behind them. Points of slices have no padding in a piece.
std::string NextPoints(MatrixView<const double> points, int64_t& next,
                       int64_t last, int64_t bytes) {
  std::string piece;
  for (; next < last && (piece.empty() || std::ssize(piece) < bytes); ++next) {
    Pack(absl::MakeConstSpan(points.row(next), points.cols), piece);
  }
  return piece;
}

// Puts the points of a piece after those that its sender has sent before.
void TakePoints(std::string_view piece, int64_t& next, Matrix<double>& all) {
  for (Unpacker unpacker(piece); !unpacker.done(); ++next) {
    unpacker.Read(all.cols(), all.row(next));
  }
}

// Returns the first row of each rank.
std::vector<int64_t> FirstRows(int64_t n, int size) {
  std::vector<int64_t> first;
  for (int r = 0; r < size; ++r) first.push_back(SliceOf(n, r, size).first);
  return first;
}

// Returns all points on rank 0, and none elsewhere.
absl::StatusOr<Matrix<double>> GatherOnFirst(MatrixView<const double> slice,
                                             int64_t n,
                                             RankExchange& exchange) {
  Matrix<double> all(0, slice.cols);
  RCT_RETURN_IF_ERROR(exchange.Step([&]() -> absl::Status {
    if (exchange.rank() != 0) return absl::OkStatus();
    RCT_RETURN_IF_ERROR(CheckMemory(
        8.0 * static_cast<double>(n) * static_cast<double>(slice.cols),
        "all points, which one rank needs to choose inducing points by "
        "distance,",
        "take random inducing points, or give them as coordinates"));
    all = Matrix<double>(n, slice.cols);
    return absl::OkStatus();
  }));
  int64_t sent = 0;
  std::vector<int64_t> next = FirstRows(n, exchange.size());
  RCT_RETURN_IF_ERROR(exchange.Exchange(
      [&](int to, int64_t bytes) {
        return NextPoints(slice, sent, to == 0 ? slice.rows : sent, bytes);
      },
      [&](int from, std::string_view piece) {
        TakePoints(piece, next[from], all);
      }));
  return all;
}

// Gives all ranks what rank 0 has chosen.
InducingPoints Share(const InducingPoints& chosen, int64_t dim,
                     RankExchange& exchange) {
  std::string own;
  if (exchange.rank() == 0) {
    Pack(chosen.coordinates.rows(), own);
    Pack(std::ssize(chosen.rows), own);
    for (int64_t i = 0; i < chosen.coordinates.rows(); ++i) {
      Pack(absl::MakeConstSpan(chosen.coordinates.row(i), dim), own);
    }
    Pack(absl::MakeConstSpan(chosen.rows), own);
  }
  const std::vector<std::string> received = exchange.Gather(own);
  Unpacker unpacker(received[0]);
  InducingPoints shared;
  const auto count = unpacker.Value<int64_t>();
  shared.rows.resize(unpacker.Value<int64_t>());
  shared.coordinates = Matrix<double>(count, dim);
  unpacker.Read(count * dim, shared.coordinates.data());
  unpacker.Read(std::ssize(shared.rows), shared.rows.data());
  return shared;
}

// Fills in the coordinates of inducing points that are rows.
void GatherCoordinates(MatrixView<const double> slice, int64_t n,
                       RankExchange& exchange, InducingPoints& inducing) {
  const RowRange range = SliceOf(n, exchange.rank(), exchange.size());
  std::string own;
  for (int64_t i = 0; i < std::ssize(inducing.rows); ++i) {
    const int64_t row = inducing.rows[i];
    if (row < range.first || row >= range.last()) continue;
    Pack(i, own);
    Pack(absl::MakeConstSpan(slice.row(row - range.first), slice.cols), own);
  }
  for (const std::string& bytes : exchange.Gather(own)) {
    for (Unpacker unpacker(bytes); !unpacker.done();) {
      const auto i = unpacker.Value<int64_t>();
      unpacker.Read(slice.cols, inducing.coordinates.row(i));
    }
  }
}

absl::StatusOr<InducingPoints> SelectTogether(MatrixView<const double> slice,
                                              int64_t n,
                                              const InducingConfig& config,
                                              const SelectionOptions& options,
                                              RankExchange& exchange) {
  InducingPoints inducing;
  const bool by_distance = ChoosesByDistance(config);
  Matrix<double> all;
  if (by_distance) {
    RCT_ASSIGN_OR_RETURN(all, GatherOnFirst(slice, n, exchange));
  }
  RCT_RETURN_IF_ERROR(exchange.Step([&]() -> absl::Status {
    if (by_distance && exchange.rank() != 0) return absl::OkStatus();
    // Which rows are chosen does not depend on the points, unless by distance:
    // n times the same ones, which take no memory, do as well.
    const Matrix<double> any = Matrix<double>::Zeros(1, slice.cols);
    const MatrixView<const double> points =
        by_distance
            ? std::as_const(all).view()
            : MatrixView<const double>(any.data(), n, slice.cols, /*stride=*/0);
    RCT_ASSIGN_OR_RETURN(inducing,
                         SelectInducingPoints(config, points, options));
    return absl::OkStatus();
  }));
  if (by_distance) return Share(inducing, slice.cols, exchange);
  if (!inducing.rows.empty()) GatherCoordinates(slice, n, exchange, inducing);
  return inducing;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const InducingFactor>> SharedFactor(
    MatrixView<const double> slice, int64_t n, const ResidualConfig& config,
    int threads, Monitor* monitor, RankExchange& exchange) {
  std::optional<Kernel> kernel;
  RCT_RETURN_IF_ERROR(exchange.Step([&]() -> absl::Status {
    RCT_ASSIGN_OR_RETURN(kernel, Kernel::Create(config.kernel(), slice.cols));
    return absl::OkStatus();
  }));
  RCT_ASSIGN_OR_RETURN(
      InducingPoints inducing,
      SelectTogether(slice, n, config.inducing(),
                     {.inverse_lengthscale = kernel->inverse_lengthscale(),
                      .threads = threads,
                      .monitor = monitor},
                     exchange));
  std::shared_ptr<const InducingFactor> factor;
  RCT_RETURN_IF_ERROR(exchange.Step([&]() -> absl::Status {
    RCT_ASSIGN_OR_RETURN(
        InducingFactor made,
        InducingFactor::Create(*std::move(kernel), std::move(inducing), config,
                               BestSimdRoutines(), monitor));
    factor = std::make_shared<const InducingFactor>(std::move(made));
    return absl::OkStatus();
  }));
  return factor;
}

absl::StatusOr<Matrix<double>> GatherFirst(MatrixView<const double> slice,
                                           int64_t n, int64_t count,
                                           RankExchange& exchange) {
  Matrix<double> first(count, slice.cols);
  const RowRange range = SliceOf(n, exchange.rank(), exchange.size());
  const int64_t last = std::clamp<int64_t>(count - range.first, 0, range.count);
  int64_t sent = 0;
  std::vector<int64_t> next = FirstRows(n, exchange.size());
  RCT_RETURN_IF_ERROR(exchange.ExchangeWithAll(
      [&](int, int64_t bytes) { return NextPoints(slice, sent, last, bytes); },
      [&](int from, std::string_view piece) {
        TakePoints(piece, next[from], first);
      }));
  return first;
}

}  // namespace rct
