// Compares the command line, on the workload of 32,768 points, with the frozen
// answers from outside.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "parity/gate_matchers.h"
#include "parity/gold/gold.h"
#include "tools/test_program.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

class RctGoldTest : public ProgramTest {
 protected:
  void ExpectGold(const std::string& answer,
                  const std::vector<std::string>& flags) const {
    const std::string folder = std::filesystem::absolute("parity/gold/");
    std::vector<std::string> arguments = {
        "neighbors",
        "--points=" + folder + "points_f64.npy",
        "--query_rows=" + folder + "query_indices.npy",
        "--inducing_rows=" + folder + "inducing_idx.npy",
        "--lengthscale=1",
        "--k=50",
        "--audit=20",
        "--out_indices=i.npy",
        "--out_distances=d.npy"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Outcome outcome = Rct(arguments);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.err,
                testing::StartsWith("audit: 20 of 1024 queries searched again, "
                                    "exhaustively: same bits\n"
                                    "wrote i.npy and d.npy: 1024 x 50\n"));

    const absl::StatusOr<Matrix<int64_t>> rows =
        ReadNpyIndexMatrix(Path("i.npy"));
    const absl::StatusOr<Matrix<double>> distances =
        ReadNpyMatrix(Path("d.npy"));
    ASSERT_THAT(rows, IsOk());
    ASSERT_THAT(distances, IsOk());
    ASSERT_EQ(rows->rows(), 1024);
    ASSERT_EQ(rows->cols(), 50);
    ASSERT_EQ(distances->rows(), 1024);
    ASSERT_EQ(distances->cols(), 50);
    NeighborTable table(1024, 50);
    std::copy_n(rows->data(), 1024 * 50, table.rows().data);
    std::copy_n(distances->data(), 1024 * 50, table.distances().data);
    const Gold gold = LoadGold("parity/gold/manifest.textproto").value();
    EXPECT_THAT(table,
                SetEqualWithin(gold.Find(answer).value()->neighbors, 1e-6));
  }
};

TEST_F(RctGoldTest, Rbf) { ExpectGold("rbf", {"--kernel=rbf"}); }

TEST_F(RctGoldTest, Matern52) {
  ExpectGold("matern52", {"--kernel=matern52", "--strategy=level_synchronous"});
}

TEST_F(RctGoldTest, Predecessor) {
  ExpectGold("rbf_predecessor", {"--kernel=rbf", "--predecessor"});
}

}  // namespace
}  // namespace rct
