#include "experiments/test_data.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/sha256.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "traversal/neighbor_table.h"

namespace rct {

std::string MakeTestFolder() {
  const auto& test = *testing::UnitTest::GetInstance()->current_test_info();
  std::string folder = absl::StrCat(testing::TempDir(), "/",
                                    test.test_suite_name(), ".", test.name());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

void WriteTestGold(const std::string& folder, MatrixView<const double> points,
                   absl::Span<const int64_t> query_rows,
                   absl::Span<const int64_t> inducing_rows,
                   const NeighborTable& answer) {
  ASSERT_THAT(MakeDirectories(folder), IsOk());
  std::string manifest = absl::StrCat(
      "points: 'points.npy' query_rows: 'queries.npy' "
      "inducing_rows: 'inducing.npy'\n"
      "answers { name: 'answer' residual { kernel { family: RBF } } k: ",
      answer.k(),
      " rows: 'rows.npy' distances: 'distances.npy' "
      "residual_variance: 'variance.npy' }\n");
  const auto add = [&](const std::string& name, int64_t rows, int64_t cols,
                       const std::string& contents) {
    absl::StrAppend(&manifest, "file { name: '", name, "' sha256: '",
                    Sha256Hex(contents), "' shape: [", rows, ", ", cols,
                    "] }\n");
    ASSERT_THAT(WriteFileAtomically(absl::StrCat(folder, "/", name), contents),
                IsOk());
  };
  const int64_t num_queries = static_cast<int64_t>(query_rows.size());
  add("points.npy", points.rows, points.cols, SerializeNpy(points));
  add("queries.npy", num_queries, 1, SerializeNpy(query_rows));
  add("inducing.npy", static_cast<int64_t>(inducing_rows.size()), 1,
      SerializeNpy(inducing_rows));
  add("rows.npy", num_queries, answer.k(), SerializeNpy(answer.rows()));
  add("distances.npy", num_queries, answer.k(),
      SerializeNpy(answer.distances()));
  const std::vector<double> variance(points.rows, 1.0);
  add("variance.npy", points.rows, 1,
      SerializeNpy(absl::MakeConstSpan(variance)));
  ASSERT_THAT(WriteFileAtomically(folder + "/manifest.textproto", manifest),
              IsOk());
}

}  // namespace rct
