// The gold workload by many ranks: 32,768 points, all rows, bit for bit.

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tools/mpi/mpirun.h"
#include "tools/test_program.h"

namespace rct {
namespace {

class RctMpiGoldTest : public ProgramTest {
 protected:
  // Compares the files of jobs of `ranks` ranks with those of rct.
  void ExpectSameBytes(std::string_view flags,
                       std::initializer_list<int> ranks) const {
    SetUpMpirun();
    const std::string folder = std::filesystem::absolute("parity/gold/");
    const std::string graph = absl::StrCat(
        " graph --points=", folder, "points_f64.npy --inducing_rows=", folder,
        "inducing_idx.npy --lengthscale=1 --k=50 ", flags);
    const Outcome alone = Shell(absl::StrCat(
        "rct", graph, " --out_indices=i.npy --out_distances=d.npy"));
    ASSERT_EQ(alone.exit_code, 0) << alone.err;
    for (const int size : ranks) {
      const Outcome outcome = Shell(
          absl::StrCat("mpirun -n ", size, " ", MpiProgram("rct_mpi"), graph,
                       " --out_indices=ri.npy --out_distances=rd.npy"));
      ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
      EXPECT_TRUE(Read("ri.npy") == Read("i.npy")) << size;
      EXPECT_TRUE(Read("rd.npy") == Read("d.npy")) << size;
    }
  }
};

TEST_F(RctMpiGoldTest, Rbf) { ExpectSameBytes("--kernel=rbf", {3}); }

TEST_F(RctMpiGoldTest, Matern52Predecessor) {
  ExpectSameBytes("--kernel=matern52 --predecessor", {7});
}

}  // namespace
}  // namespace rct
