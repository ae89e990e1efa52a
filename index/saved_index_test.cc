// Index files of version 0.1.0, checked in, that every later version must read.
//
// Their points are MakePointSet(kNormal, n, 2, /*seed=*/5), with lengthscale
// 0.5 and random inducing points; digests and counts are those that the program
// gave that wrote them.

#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "base/status_matchers.h"
#include "gtest/gtest.h"
#include "index/residual_index.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

struct SavedIndex {
  std::string_view name;
  std::string_view nearest;       // 7 of every row, itself excluded
  std::string_view predecessors;  // 5 of every row
  std::string_view of_new_points;
  int64_t evaluations;  // for `nearest`
};

constexpr SavedIndex kSaved[] = {
    // BLOCK, RBF, 320 points, 16 inducing points, form TABLES.
    {"tables",
     "8704fcd8d87aa87bfb5d98208ee7a34a3ab2af73a7e1ab3ec24b727f200e01ff",
     "7c36a41ab64b63d8cfeb4189b852c5c43aed8d2d39d4c7ff16120e9d0e069473",
     "77805d54ff2d8664db6cf3daae6a4880d3e61789324192bdcd42a5844328731f", 5263},
    // BLOCK, Matern 5/2, 300 points, 8 inducing points, form PROJECTIONS.
    {"projections",
     "39badbbe5dcaa93563cc914982470d87b974846819f38a47a9fd0b0cdb22c393",
     "a5c33ebc27a18a2337bf0258135694f8ce160814db9dae956ec5ea73dde7421a",
     "1ee5ff12192ed41e0f626e2fdd65bcafcd07daa7c3d938dd1473049b2bf3ba19", 50809},
    // LEVEL_SYNCHRONOUS, Matern 3/2, 200 points, 8 inducing points.
    {"level_synchronous",
     "89866b9abd2f70ce31947f5afcc70aa3ac1ab8465831884fe13fbbd8341b1458",
     "a7e637c32c29ac6c485d4bf8cfa794cae49258cd092edc5990cf5ab93c46bc05",
     "9484f4b7714f64aef98eb29847a94376144956b3cd3e15d722394beb7bb2443e", 36849},
};

TEST(SavedIndexTest, OldFilesLoadAndAnswerWithTheSameBits) {
  const Matrix<double> queries =
      MakePointSet(PointSet::kUniformCube, 50, 2, /*seed=*/9);
  for (const SavedIndex& saved : kSaved) {
    for (const bool map : {false, true}) {
      SCOPED_TRACE(absl::StrCat(saved.name, map ? ", mapped" : ", read"));
      const auto index = ResidualIndex::Load(
          absl::StrCat("index/testdata/", saved.name, ".rct"), {.map = map});
      ASSERT_THAT(index.status(), IsOk());
      std::vector<int64_t> rows(index->size());
      std::iota(rows.begin(), rows.end(), 0);
      const auto nearest = index->Search(rows, {.k = 7, .exclude_self = true});
      ASSERT_THAT(nearest.status(), IsOk());
      EXPECT_EQ(nearest->neighbors.Digest(), saved.nearest);
      EXPECT_EQ(nearest->counters.distance_evaluations(), saved.evaluations);
      const auto predecessors =
          index->Search(rows, {.k = 5, .predecessor = true});
      ASSERT_THAT(predecessors.status(), IsOk());
      EXPECT_EQ(predecessors->neighbors.Digest(), saved.predecessors);
      const auto found = index->SearchPoints(queries.view(), {.k = 4});
      ASSERT_THAT(found.status(), IsOk());
      EXPECT_EQ(found->neighbors.Digest(), saved.of_new_points);
    }
  }
}

}  // namespace
}  // namespace rct
