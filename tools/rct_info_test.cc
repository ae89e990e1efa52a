#include "tools/rct_info.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/csv.h"
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
      IsOkAndHolds(
          path +
          ": 4 points of 2 coordinates, all finite; 1 lie on an earlier one\n"
          "          column          least           mean       greatest\n"
          "               x              0              1              3\n"
          "               y           -2.5          -0.25              4\n"));
  const std::string bare = Write("bare.csv", "1,2\n");
  EXPECT_THAT(
      DescribeFile(bare, {.header = CsvHeader::kAbsent}),
      IsOkAndHolds(AllOf(HasSubstr(": 1 points of 2"),
                         HasSubstr("\n               0              1"))));
  EXPECT_THAT(DescribeFile(Write("long.csv",
                                 "a long name of a column,H\xc3\xb6"
                                 "he \xc3\xbc"
                                 "ber Normalnull\n0,1.5\n")),
              IsOkAndHolds(AllOf(HasSubstr("\n  a long name...   "),
                                 HasSubstr("  H\xc3\xb6he \xc3\xbc"
                                           "ber..."))));
}

// `rct info` refuses the points that `rct graph` refuses.
TEST(DescribeFileTest, NoPoints) {
  const std::string path = Write("none.csv", "x,y\n");
  EXPECT_THAT(DescribeFile(path),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       path + ": has 0 rows of 2 columns; at least one of "
                              "each is needed"));
}

TEST(DescribeFileTest, ManyColumns) {
  const Matrix<double> wide = Matrix<double>::Zeros(1, 20);
  EXPECT_THAT(DescribeFile(Write("w.npy", SerializeNpy(wide.view()))),
              IsOkAndHolds(EndsWith("  and 4 more\n")));
}

TEST(DescribeFileTest, RowNumbers) {
  const std::string path =
      Write("q.npy", SerializeNpy(std::vector<int64_t>{7, -1, 7, 0, -1}));
  EXPECT_THAT(DescribeFile(path),
              IsOkAndHolds(path + ": 3 row numbers from 0 to 7, 2 different "
                                  "ones, and 2 times -1, no neighbor\n"));
  EXPECT_THAT(DescribeFile(Write("q.csv", "row\n3\n4\n")),
              IsOkAndHolds(EndsWith(": 2 row numbers from 3 to 4, 2 different "
                                    "ones\n")));
  EXPECT_THAT(
      DescribeFile(Write("e.npy", SerializeNpy(std::vector<int64_t>{}))),
      IsOkAndHolds(EndsWith(": 0 row numbers\n")));
  // A column of other numbers is described as points.
  for (const char* column : {"x\n1.5\n", "x\n-2\n3\n"}) {
    EXPECT_THAT(DescribeFile(Write("x.csv", column)),
                IsOkAndHolds(HasSubstr("points of 1 coordinates")));
  }
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

TEST(DescribeFileTest, InducingPointsThatWereChosen) {
  std::vector<std::pair<InducingConfig, std::string>> cases(4);
  cases[0].first.mutable_kmeans_plus_plus()->set_count(3);
  cases[0].second = "3, rows chosen by k-means++, seed 1";
  cases[1].first.mutable_kmeans()->set_count(4);
  cases[1].first.mutable_kmeans()->set_seed(9);
  cases[1].second = "4, centers of k-means, seed 9";
  cases[2].first = cases[1].first;
  cases[2].first.mutable_kmeans()->set_nearest_rows(true);
  cases[2].second = "4, rows nearest to the centers of k-means, seed 9";
  cases[3].first.mutable_cover_tree()->set_count(3);
  cases[3].second = "3, rows of a cover tree's net";
  const Matrix<double> points = MakePointSet(PointSet::kNormal, 20, 2, 1);
  const std::string path = Write("chosen", "");
  for (const auto& [inducing, words] : cases) {
    IndexOptions options;
    options.mutable_residual()->mutable_kernel()->set_family(KernelConfig::RBF);
    *options.mutable_residual()->mutable_inducing() = inducing;
    options.set_strategy(EXHAUSTIVE);
    ASSERT_THAT(ResidualIndex::Build(points.view(), options)->Save(path),
                IsOk());
    EXPECT_THAT(DescribeFile(path),
                IsOkAndHolds(HasSubstr("  inducing       " + words + "\n")));
  }
}

TEST(DescribeFileTest, WhatCannotBeUsed) {
  const std::string path = Write("bad.csv", "x\nnan\n");
  EXPECT_THAT(DescribeFile(path),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       path + ": line 2, column 'x': is 'nan', a missing "
                              "value; must be a "
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
