// Gold: frozen answers, with their workload, and hashes that are checked before
// anything is used.
//
// A folder of gold is a manifest (gold.proto) and the .npy files it lists. The
// answers in this folder come from outside (README.md); what write_gold makes
// comes from the oracle. Either is held against a search by SET_EQUAL_WITHIN:
// the arithmetic behind it is not the metric's.

#ifndef RCT_PARITY_GOLD_GOLD_H_
#define RCT_PARITY_GOLD_GOLD_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "metric/metric.pb.h"
#include "parity/gold/gold.pb.h"
#include "traversal/neighbor_table.h"

namespace rct {

struct GoldAnswers {
  std::string name;
  ResidualConfig residual;  // complete: with the inducing rows
  bool predecessor = false;
  NeighborTable neighbors;                // of Gold::query_rows
  std::vector<double> residual_variance;  // of Gold::points
};

struct Gold {
  // The answers of that name; NotFound, listing those there are.
  absl::StatusOr<const GoldAnswers*> Find(std::string_view name) const;

  // The inducing points, m x d.
  Matrix<double> Inducing() const;

  Matrix<double> points;  // n x d
  std::vector<int64_t> query_rows;
  std::vector<int64_t> inducing_rows;
  std::vector<GoldAnswers> answers;
};

inline constexpr std::string_view kGoldManifestName = "manifest.textproto";

// Reads a folder of gold, by its name or its manifest's. DataLoss, naming the
// file, where a hash is not that of the manifest; InvalidArgument, naming the
// field or the file, where the manifest lacks something, a shape is another, a
// row is out of range, or a table is malformed; codes as in file.h for what
// cannot be read.
absl::StatusOr<Gold> LoadGold(const std::string& path);

// The steps of LoadGold, for write_gold. GoldFiles maps names to contents.
using GoldFiles = std::map<std::string, std::string>;
std::string GoldFolder(const std::string& path);
absl::StatusOr<GoldManifest> ReadGoldManifest(const std::string& path);
absl::StatusOr<Gold> ParseGold(const GoldManifest& manifest,
                               const GoldFiles& files);

}  // namespace rct

#endif  // RCT_PARITY_GOLD_GOLD_H_
