// Files of Euclidean indexes: the same answers after a load, and nothing but
// what Save wrote is loaded.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/archive.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/index_file.pb.h"
#include "metric/test_data.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::HasSubstr;

class EuclideanFileTest : public FolderTest {
 protected:
  static EuclideanIndexOptions Options(Strategy strategy) {
    EuclideanIndexOptions options;
    options.set_strategy(strategy);
    options.add_lengthscale(0.5);
    options.add_lengthscale(3);
    options.add_coordinate_name("east");
    options.add_coordinate_name("north");
    return options;
  }

  std::string Save(const EuclideanIndex& index) const {
    const std::string path = Path("e.rct");
    EXPECT_THAT(index.Save(path), IsOk());
    return path;
  }

  // Expects that a file with these parts is refused.
  void ExpectRefused(const EuclideanFileHeader& header,
                     const Matrix<double>& points, const std::string& what) {
    ArchiveWriter archive;
    archive.Value("header", header.SerializeAsString());
    archive.Array("points", points);
    const std::string path = Path("forged.rct");
    constexpr ArchiveFormat kFormat = {.magic = "\x89rcteuc\n",
                                       .version = 1,
                                       .name = "rct Euclidean index file",
                                       .remedy = "build the index again"};
    ASSERT_THAT(archive.Write(path, kFormat, 1), IsOk());
    EXPECT_THAT(EuclideanIndex::Load(path),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what)));
  }

  const Matrix<double> points_ = MakePoints("normal", 300, 2, 1);
  const Matrix<double> queries_ = MakePoints("normal", 20, 2, 2);
};

TEST_F(EuclideanFileTest, TheSameAnswers) {
  for (const Strategy strategy :
       {EXHAUSTIVE, LEVEL_SYNCHRONOUS, BEST_FIRST, BLOCK}) {
    const EuclideanIndex index =
        *EuclideanIndex::Build(points_.view(), Options(strategy));
    const std::string path = Save(index);
    EXPECT_TRUE(EuclideanIndex::IsFile(path));
    const auto loaded = EuclideanIndex::Load(path, /*threads=*/2);
    ASSERT_THAT(loaded, IsOk());
    EXPECT_EQ(loaded->options().SerializeAsString(),
              index.options().SerializeAsString());
    const SearchOptions options = {.k = 7, .predecessor = true};
    EXPECT_EQ(loaded->Graph(options)->neighbors.Digest(),
              index.Graph(options)->neighbors.Digest());
    EXPECT_EQ(
        loaded->SearchPoints(queries_.view(), {.k = 7})->neighbors.Digest(),
        index.SearchPoints(queries_.view(), {.k = 7})->neighbors.Digest());
    const std::string bytes = *index.ToBytes(/*threads=*/2);
    EXPECT_TRUE(bytes == *ReadFile(path));
    const auto restored = EuclideanIndex::FromBytes(bytes, /*threads=*/2);
    ASSERT_THAT(restored, IsOk());
    EXPECT_EQ(restored->Graph(options)->neighbors.Digest(),
              index.Graph(options)->neighbors.Digest());
    EXPECT_THAT(EuclideanIndex::FromBytes(bytes.substr(1)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("the bytes of an index: is no rct")));
  }
}

TEST_F(EuclideanFileTest, NoPoints) {
  const EuclideanIndex index =
      *EuclideanIndex::Build(Matrix<double>(0, 2).view());
  EXPECT_EQ(EuclideanIndex::Load(Save(index))->size(), 0);
}

TEST_F(EuclideanFileTest, EveryDamagedByteIsFound) {
  const EuclideanIndex index =
      *EuclideanIndex::Build(points_.view(), Options(BLOCK));
  const std::string contents = *ReadFile(Save(index));
  const std::string path = Path("damaged.rct");
  for (size_t place = 0; place < contents.size(); place += 41) {
    std::string damaged = contents;
    damaged[place] = static_cast<char>(damaged[place] ^ 0x10);
    ASSERT_THAT(WriteFileAtomically(path, damaged), IsOk());
    ASSERT_THAT(EuclideanIndex::Load(path),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << place;
  }
  EXPECT_THAT(EuclideanIndex::Load(Path("gone")),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(EuclideanFileTest, ContradictionsAreFound) {
  EuclideanFileHeader good;
  *good.mutable_options() = Options(BLOCK);
  good.set_num_points(300);
  good.set_dim(2);

  EuclideanFileHeader header = good;
  header.set_num_points(299);
  ExpectRefused(header, points_, "another shape than points");
  header = good;
  header.mutable_options()->clear_strategy();
  ExpectRefused(header, points_, "has no options.strategy");
  header = good;
  header.mutable_options()->add_lengthscale(1);
  ExpectRefused(header, points_, "lengthscale: 3 values");
  header = good;
  header.mutable_options()->set_lengthscale(0, -1);
  ExpectRefused(header, points_, "lengthscale[0]: is -1");
  header = good;
  header.mutable_options()->add_coordinate_name("up");
  ExpectRefused(header, points_, "coordinate_name: 3 names");
  header = good;
  header.mutable_options()->set_lon_lat(true);
  ExpectRefused(header, points_, "lon_lat");
  Matrix<double> far = points_.Clone();
  far(3, 1) = 1e200;
  ExpectRefused(good, far, "row 3, column 1");
  far(3, 1) = HUGE_VAL;
  ExpectRefused(good, far, "row 3, column 1");
}

TEST_F(EuclideanFileTest, ReorderedAndExhaustive) {
  const EuclideanIndex index =
      *EuclideanIndex::Build(points_.view(), Options(BLOCK));
  std::vector<int64_t> order(300);
  for (int64_t i = 0; i < 300; ++i) order[i] = (7 * i + 3) % 300;
  const EuclideanIndex reordered = *index.Reordered(order);
  const EuclideanIndex exhaustive = *index.Exhaustive();
  EXPECT_EQ(exhaustive.options().strategy(), EXHAUSTIVE);
  EXPECT_EQ(
      exhaustive.SearchPoints(queries_.view(), {.k = 5})->neighbors.Digest(),
      index.SearchPoints(queries_.view(), {.k = 5})->neighbors.Digest());
  const auto of = reordered.Search({11}, {.k = 3})->neighbors.Clone();
  const auto same = index.Search({order[11]}, {.k = 3})->neighbors.Clone();
  for (int64_t j = 0; j < 3; ++j) {
    EXPECT_EQ(order[of.rows()(0, j)], same.rows()(0, j));
    EXPECT_EQ(of.distances()(0, j), same.distances()(0, j));
  }
  EXPECT_THAT(index.Reordered({0, 0}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace rct
