#include "index/distributed/rank_options.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"
#include "base/matrix.h"
#include "base/memory_limit.h"
#include "base/packing.h"
#include "base/sha256.h"
#include "base/version.h"
#include "index/distributed/distributed_graph.h"
#include "index/distributed/rank_exchange.h"
#include "index/distributed/slices.h"
#include "index/index.pb.h"
#include "metric/metric.pb.h"

namespace rct {
namespace {

// Something that all ranks have alike, and how messages show it.
struct Shared {
  std::string name;
  std::string value;
};

// What takes more than a few words is shown by its digest.
Shared Digested(std::string name, const std::string& bytes) {
  return {std::move(name),
          absl::StrCat("digest ", Sha256Hex(bytes).substr(0, 12))};
}

std::vector<Shared> SharedOf(const DistributedPoints& points,
                             const DistributedOptions& options) {
  IndexOptions others = options.index;
  others.clear_threads();
  others.clear_memory_limit_bytes();
  ResidualConfig& residual = *others.mutable_residual();
  std::vector<Shared> all = {
      {"version", std::string(kVersion)},
      {"number of points", absl::StrCat(points.n)},
      {"number of coordinates", absl::StrCat(points.slice.cols)},
      {"k", absl::StrCat(options.k)},
      {"predecessor", options.predecessor ? "true" : "false"},
      {"cells", absl::StrCat(options.cells)},
      {"units", absl::StrCat(options.units)},
      {"early_rows", absl::StrCat(options.early_rows)},
      {"defer_below", absl::StrCat(options.defer_below)},
      {"max_fetched", absl::StrCat(options.max_fetched)},
      {"piece_bytes", absl::StrCat(options.piece_bytes)},
      Digested("kernel", residual.kernel().SerializeAsString()),
      Digested("inducing points", residual.inducing().SerializeAsString())};
  residual.clear_kernel();
  residual.clear_inducing();
  all.push_back(Digested("index options", others.SerializeAsString()));
  return all;
}

// Returns what tells whether two ranks are on the same machine.
std::string ThisMachine() {
  std::string id;
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::getline(file, id);
  return id;
}

}  // namespace

absl::Status CheckSameOptions(const DistributedPoints& points,
                              const DistributedOptions& options,
                              RankExchange& exchange) {
  const std::vector<Shared> shared = SharedOf(points, options);
  const std::vector<std::string> of_ranks = exchange.Gather(
      absl::StrJoin(shared, "\n", [](std::string* text, const Shared& one) {
        absl::StrAppend(text, one.value);
      }));
  const std::vector<std::string> first = absl::StrSplit(of_ranks[0], '\n');
  for (int r = 1; r < exchange.size(); ++r) {
    const std::vector<std::string> other = absl::StrSplit(of_ranks[r], '\n');
    for (size_t i = 0; i < std::min(first.size(), other.size()); ++i) {
      if (first[i] == other[i]) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("ranks were given different options: ", shared[i].name,
                       " is ", first[i], " on rank 0 and ", other[i],
                       " on rank ", r, "; give all of them the same"));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateSlice(const DistributedPoints& points, int rank,
                           int size) {
  const MatrixView<const double> slice = points.slice;
  if (slice.cols < 1 || slice.cols > kMaxColumns) {
    return absl::InvalidArgumentError(
        absl::StrCat("points: has ", slice.cols, " columns; from 1 to ",
                     kMaxColumns, " are supported"));
  }
  if (points.n < 0 || points.n > kMaxRows) {
    return absl::InvalidArgumentError(absl::StrCat("points: has ", points.n,
                                                   " rows; at most ", kMaxRows,
                                                   " are supported"));
  }
  const RowRange range = SliceOf(points.n, rank, size);
  if (slice.rows != range.count) {
    return absl::InvalidArgumentError(
        absl::StrCat("points: rank ", rank, " was given ", slice.rows,
                     " rows; its slice of ", points.n, " points has ",
                     range.count, ", from row ", range.first));
  }
  for (int64_t i = 0; i < slice.rows; ++i) {
    for (int64_t t = 0; t < slice.cols; ++t) {
      if (!std::isfinite(slice(i, t))) {
        return absl::InvalidArgumentError(
            absl::StrCat("points: row ", range.first + i, ", column ", t,
                         " is ", slice(i, t), "; all values must be finite"));
      }
    }
  }
  return absl::OkStatus();
}

int64_t MemoryOfRank(const DistributedOptions& options,
                     RankExchange& exchange) {
  std::string own;
  Pack(options.memory_limit_bytes, own);
  Pack(AvailableMemoryBytes(), own);
  own += ThisMachine();
  const std::vector<std::string> of_ranks = exchange.Gather(own);
  double least = std::numeric_limits<double>::infinity();
  for (const std::string& bytes : of_ranks) {
    Unpacker unpacker(bytes);
    const auto limit = unpacker.Value<int64_t>();
    const auto available = static_cast<double>(unpacker.Value<int64_t>());
    const std::string_view machine =
        std::string_view(bytes).substr(2 * sizeof(int64_t));
    const auto beside = static_cast<double>(std::count_if(
        of_ranks.begin(), of_ranks.end(), [&](const std::string& other) {
          return std::string_view(other).substr(2 * sizeof(int64_t)) == machine;
        }));
    least = std::min(least, limit > 0 ? static_cast<double>(limit)
                                      : 0.8 * available / beside);
  }
  return static_cast<int64_t>(std::clamp(least, 1.0, 0x1p62));
}

}  // namespace rct
