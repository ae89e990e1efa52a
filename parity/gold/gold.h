// Gold: frozen answers with their workload, whose hashes are checked before
// they are used.
//
// A folder of gold holds a manifest (gold.proto) and the .npy files it lists.
// The answers in this folder come from outside (README.md); write_gold makes
// others with the oracle. Neither has the arithmetic of the metric, so the gate
// SET_EQUAL_WITHIN compares them with a search.

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
  // Returns the answers of that name, or NotFound with a list of all names.
  absl::StatusOr<const GoldAnswers*> Find(std::string_view name) const;

  // Returns the inducing points, m x d.
  Matrix<double> Inducing() const;

  Matrix<double> points;  // n x d
  std::vector<int64_t> query_rows;
  std::vector<int64_t> inducing_rows;
  std::vector<GoldAnswers> answers;
};

inline constexpr std::string_view kGoldManifestName = "manifest.textproto";

// Reads a folder of gold, given by its name or that of its manifest. Returns
// DataLoss, naming the file, where a hash differs from that of the manifest;
// InvalidArgument, naming the field or the file, where the manifest lacks a
// field, a shape differs from its own, a row is out of range or a table is
// malformed; and the errors of base/file.h where a file cannot be read.
absl::StatusOr<Gold> LoadGold(const std::string& path);

// The steps of LoadGold, for write_gold. GoldFiles maps names of files to their
// contents.
using GoldFiles = std::map<std::string, std::string>;
std::string GoldFolder(const std::string& path);
absl::StatusOr<GoldManifest> ReadGoldManifest(const std::string& path);
absl::StatusOr<Gold> ParseGold(const GoldManifest& manifest,
                               const GoldFiles& files);

}  // namespace rct

#endif  // RCT_PARITY_GOLD_GOLD_H_
