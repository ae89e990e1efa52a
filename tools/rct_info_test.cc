#include "tools/rct_info.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

std::string Write(const std::string& name, std::string_view contents) {
  std::string path = testing::TempDir() + "/rct_info_test_" + name;
  EXPECT_THAT(WriteFileAtomically(path, contents), IsOk());
  return path;
}

TEST(DescribeFileTest, Points) {
  const std::string path = Write("p.csv", "x,y\n0,-2.5\n3,4\n0,-2.5\n1,0\n");
  EXPECT_THAT(
      DescribeFile(path),
      IsOkAndHolds(path +
                   ": 4 points of 2 coordinates, all finite; 1 "
                   "lie on an earlier one\n"
                   "  column          least           mean       greatest\n"
                   "       0              0              1              3\n"
                   "       1           -2.5          -0.25              4\n"));
  EXPECT_THAT(DescribeFile(Write("none.csv", "x,y\n")),
              IsOkAndHolds(HasSubstr(": 0 points of 2 coordinates")));
}

TEST(DescribeFileTest, ManyColumns) {
  const Matrix<double> wide = Matrix<double>::Zeros(1, 20);
  EXPECT_THAT(DescribeFile(Write("w.npy", SerializeNpy(wide.view()))),
              IsOkAndHolds(EndsWith("  and 4 more\n")));
}

TEST(DescribeFileTest, RowNumbers) {
  const std::string path =
      Write("q.npy", SerializeNpy(std::vector<int64_t>{7, -1, 7}));
  EXPECT_THAT(
      DescribeFile(path),
      IsOkAndHolds(path + ": 3 row numbers from -1 to 7, 2 different ones\n"));
  EXPECT_THAT(
      DescribeFile(Write("e.npy", SerializeNpy(std::vector<int64_t>{}))),
      IsOkAndHolds(EndsWith(": 0 row numbers\n")));
}

TEST(DescribeFileTest, Indexes) {
  IndexOptions options;
  ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(KernelConfig::MATERN32);
  residual.mutable_kernel()->add_lengthscale(0.5);
  residual.mutable_kernel()->add_lengthscale(2);
  residual.mutable_inducing()->mutable_random()->set_count(3);
  options.set_strategy(EXHAUSTIVE);
  const Matrix<double> points = MakePointSet(PointSet::kNormal, 20, 2, 1);
  const std::string path = Write("index", "");
  ASSERT_THAT(ResidualIndex::Build(points.view(), options)->Save(path), IsOk());
  EXPECT_THAT(
      DescribeFile(path),
      IsOkAndHolds(AllOf(
          StartsWith(path + ": an index of 20 points of 2 coordinates, "
                            "undamaged\n"
                            "  kernel         matern32\n"
                            "  lengthscale    0.5,2\n"
                            "  variance       1\n"
                            "  inducing       3, rows drawn at random, seed 1\n"
                            "  jitter         1e-06\n"
                            "  strategy       exhaustive\n"
                            "  digest         "),
          HasSubstr("\n    points       320\n    v            1280\n"))));
  std::string damaged = ReadFile(path).value();
  damaged.back() ^= 1;
  EXPECT_THAT(
      DescribeFile(Write("damaged", damaged)),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("rct_info_test_damaged: damaged: its digest")));
}

TEST(DescribeFileTest, WhatCannotBeUsed) {
  const std::string path = Write("bad.csv", "x\nnan\n");
  EXPECT_THAT(DescribeFile(path),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       path + ": line 2, column 'x': is 'nan'; must be a "
                              "finite number"));
  EXPECT_THAT(DescribeFile("missing.npy"),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(DescribeFile("missing.rct"),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(DescribeFile(Write("text.rct", "x\n1\n")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("is no rct index file: starts with 'x\\n1")));
}

}  // namespace
}  // namespace rct
