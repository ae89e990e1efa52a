#include "tools/rct_order.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/csv.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/npy.h"
#include "base/point_sets.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/ordering.h"
#include "index/ordering.pb.h"
#include "metric/sphere.h"
#include "tools/test_program.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

using Arguments = std::vector<std::string>;
using Order = std::vector<int64_t>;

void ExpectUsageError(const Arguments& arguments, const std::string& message) {
  EXPECT_THAT(ParseOrderTask(arguments),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
}

Arguments Least(const Arguments& more) {
  Arguments arguments = {"--points=p.csv", "--out_order=o.csv"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(ParseOrderTaskTest, FillsInTheTask) {
  const auto maxmin =
      ParseOrderTask(Least({"--method=maxmin", "--lengthscale=2,3",
                            "--num_first=7", "--threads=2", "--header=no"}));
  ASSERT_THAT(maxmin, IsOk());
  EXPECT_EQ(maxmin->points, "p.csv");
  EXPECT_EQ(maxmin->out_order.path, "o.csv");
  EXPECT_EQ(maxmin->out_order.format, MatrixFormat::kCsv);
  EXPECT_EQ(maxmin->header, CsvHeader::kAbsent);
  EXPECT_EQ(maxmin->config.method(), OrderingConfig::MAXMIN);
  EXPECT_THAT(maxmin->config.lengthscale(), ElementsAre(2, 3));
  EXPECT_EQ(maxmin->config.num_first(), 7);
  EXPECT_EQ(maxmin->config.threads(), 2);
  const auto random = ParseOrderTask(Least({"--method=random", "--seed=9"}));
  ASSERT_THAT(random, IsOk());
  EXPECT_EQ(random->config.seed(), 9);
}

TEST(ParseOrderTaskTest, Errors) {
  ExpectUsageError({"--method=maxmin", "--out_order=o.csv"},
                   "--points is missing");
  ExpectUsageError(Least({}),
                   "--method is missing: one of maxmin, random, coordinate, "
                   "middle_out");
  ExpectUsageError({"--points=p.csv", "--method=maxmin"},
                   "--out_order is missing");
  ExpectUsageError(Least({"--method=best"}), "--method: there is no 'best'");
  ExpectUsageError(Least({"--method=maxmin", "--seed=3"}),
                   "--seed and --method=maxmin");
  ExpectUsageError(Least({"--method=maxmin", "--column=x"}),
                   "--column and --method=maxmin");
  ExpectUsageError(Least({"--method=random", "--lengthscale=3"}),
                   "--lengthscale and --method=random");
  ExpectUsageError(Least({"--method=maxmin", "p.csv"}),
                   "unexpected argument 'p.csv'");
  ExpectUsageError({"--points=p.csv", "--method=maxmin", "--out_order=o.txt"},
                   "--out_order: o.txt: the ending names no format");
}

class RctOrderTest : public ProgramTest {
 protected:
  RctOrderTest() { Write("p.csv", "x,y\n0,9\n1,3\n2,8\n3,1\n10,2\n1,3\n"); }

  // Returns the order as it is written.
  std::string OrderOf(const Arguments& more) const {
    Arguments arguments = {"order", "--points=p.csv", "--out_order=o.csv"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Rct(arguments);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.err, "wrote o.csv: an order of 6 rows\n");
    return Read("o.csv");
  }

  void ExpectError(const Arguments& more, const std::string& message) const {
    Arguments arguments = {"order", "--points=p.csv", "--out_order=e.csv"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Rct(arguments);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, StartsWith("rct order: " + message));
    EXPECT_EQ(Read("e.csv"), "missing: e.csv");
  }
};

TEST_F(RctOrderTest, Methods) {
  EXPECT_EQ(OrderOf({"--method=coordinate", "--column=y"}),
            "row_1\n3\n4\n1\n5\n2\n0\n");
  EXPECT_EQ(OrderOf({"--method=coordinate", "--column=1"}),
            "row_1\n3\n4\n1\n5\n2\n0\n");
  EXPECT_EQ(OrderOf({"--method=coordinate"}), "row_1\n0\n1\n5\n2\n3\n4\n");
  EXPECT_EQ(OrderOf({"--method=coordinate", "--num_first=3"}),
            "row_1\n0\n1\n2\n5\n3\n4\n");
  EXPECT_EQ(OrderOf({"--method=maxmin"}), "row_1\n1\n4\n0\n3\n2\n5\n");
  EXPECT_EQ(OrderOf({"--method=middle_out", "--lengthscale=1,1e6"}),
            "row_1\n3\n2\n1\n5\n0\n4\n");
  EXPECT_NE(OrderOf({"--method=random"}),
            OrderOf({"--method=random", "--seed=2"}));
}

TEST_F(RctOrderTest, WritesNpyAndStdout) {
  ASSERT_EQ(Rct({"order", "--points=p.csv", "--method=coordinate",
                 "--out_order=o.npy"})
                .exit_code,
            0);
  EXPECT_EQ(Read("o.npy"), SerializeNpy(Order{0, 1, 5, 2, 3, 4}));
  const Outcome piped =
      Shell("rct order --points=- --method=coordinate --out_order=- <p.csv");
  EXPECT_EQ(piped.exit_code, 0) << piped.err;
  EXPECT_EQ(piped.out, "row_1\n0\n1\n5\n2\n3\n4\n");
}

// The chord across the antimeridian is short, and text columns are skipped.
TEST_F(RctOrderTest, ColumnsAndLonLat) {
  Write("p.csv",
        "name,lon,lat\nSuva,178.4,-18.1\nApia,-171.8,-13.8\n"
        "Quito,-78.5,-0.2\nLagos,3.4,6.5\nSuva,178.4,-18.1\nOslo,10.8,59.9\n");
  Matrix<double> places(6, 2);
  const double lon_lat[][2] = {{178.4, -18.1}, {-171.8, -13.8}, {-78.5, -0.2},
                               {3.4, 6.5},     {178.4, -18.1},  {10.8, 59.9}};
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 2; ++j) places(i, j) = lon_lat[i][j];
  }
  const auto chords = LonLatToChord(std::as_const(places).view());
  ASSERT_THAT(chords, IsOk());
  OrderingConfig config;
  config.set_method(OrderingConfig::MAXMIN);
  std::string expected = "row_1\n";
  const Order order = *OrderPoints(chords->view(), config);
  for (const int64_t row : order) absl::StrAppend(&expected, row, "\n");
  EXPECT_EQ(OrderOf({"--columns=lon,lat", "--lonlat", "--method=maxmin"}),
            expected);
  EXPECT_EQ(OrderOf({"--columns=lon,lat", "--lonlat", "--method=maxmin",
                     "--lengthscale=300"}),
            expected);
  // Coordinates are those of the file.
  EXPECT_EQ(OrderOf({"--columns=lon,lat", "--lonlat", "--method=coordinate",
                     "--column=lat"}),
            "row_1\n0\n4\n1\n2\n3\n5\n");
  ExpectError({"--columns=lat,lon", "--lonlat", "--method=maxmin"},
              "--points: p.csv: ");
}

TEST_F(RctOrderTest, Errors) {
  ExpectError({"--method=coordinate", "--column=z"},
              "--column: --points has no column 'z'; give a number from 0 to "
              "1, or one of the names x, y");
  ExpectError({"--method=coordinate", "--column=2"}, "--column: ");
  ExpectError({"--method=maxmin", "--num_first=7"},
              "--num_first: is 7; must be from 0 to the number of rows, 6");
  ExpectError({"--method=maxmin", "--lengthscale=1,2,3"},
              "--lengthscale: has 3 values");
  ExpectError({"--method=maxmin", "--lengthscale=1e-300"}, "--points: row 0");
  EXPECT_THAT(
      Rct({"order", "--points=p.csv", "--method=maxmin", "--out_order=p.csv"})
          .err,
      HasSubstr("is the file of --points too"));
}

// Graphs in an order, compared with graphs of points that are in that order.
class RctGraphOrderTest : public ProgramTest {
 protected:
  static constexpr int64_t kRows = 300;

  RctGraphOrderTest() {
    const Matrix<double> points =
        MakePointSet(PointSet::kGrid, kRows, 2, /*seed=*/1);
    OrderingConfig config;
    config.set_method(OrderingConfig::MAXMIN);
    for (const double value : {0.2, 0.4}) config.add_lengthscale(value);
    order_ = OrderPoints(points.view(), config).value();
    Matrix<double> in_order(kRows, 2);
    for (int64_t i = 0; i < kRows; ++i) {
      std::copy_n(points.row(order_[i]), 2, in_order.row(i));
    }
    Write("p.npy", SerializeNpy(points.view()));
    Write("sorted.npy", SerializeNpy(in_order.view()));
    Write("order.npy", SerializeNpy(order_));
    Write("z.npy",
          SerializeNpy(MakePointSet(PointSet::kUniformCube, 20, 2, 2).view()));
    // Allowed are multiples of 3 of the caller's rows.
    Order allowed, ranks;
    for (int64_t row = 0; row < kRows; row += 3) allowed.push_back(row);
    for (const int64_t row : allowed) {
      ranks.push_back(std::find(order_.begin(), order_.end(), row) -
                      order_.begin());
    }
    Write("allowed.npy", SerializeNpy(allowed));
    Write("allowed_sorted.npy", SerializeNpy(ranks));
  }

  // Runs rct graph and expects that it writes i.npy and d.npy.
  void Graph(Arguments arguments) const {
    arguments.insert(arguments.begin(), "graph");
    for (const char* more :
         {"--predecessor", "--out_indices=i.npy", "--out_distances=d.npy"}) {
      arguments.push_back(more);
    }
    const Outcome outcome = Rct(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    const bool audits = std::any_of(
        arguments.begin(), arguments.end(),
        [](const auto& flag) { return absl::StartsWith(flag, "--audit"); });
    EXPECT_EQ(absl::StrContains(outcome.err, "same bits"), audits);
  }

  Matrix<int64_t> Indices() const {
    return ParseNpyIndexMatrix(Read("i.npy")).value();
  }
  Matrix<double> Distances() const {
    return ParseNpyMatrix(Read("d.npy")).value();
  }

  // Expects that `ordered` gives the neighbors of `sorted`, renamed.
  void ExpectRenamed(const Arguments& sorted, const Arguments& ordered) const {
    Graph(sorted);
    const Matrix<int64_t> indices = Indices();
    const Matrix<double> distances = Distances();
    Graph(ordered);
    const Matrix<int64_t> found = Indices();
    const Matrix<double> found_distances = Distances();
    for (int64_t rank = 0; rank < kRows; ++rank) {
      for (int64_t j = 0; j < indices.cols(); ++j) {
        const int64_t neighbor = indices(rank, j);
        ASSERT_EQ(found(order_[rank], j), neighbor < 0 ? -1 : order_[neighbor]);
        ASSERT_EQ(found_distances(order_[rank], j), distances(rank, j));
      }
    }
  }

  const Arguments model_ = {"--kernel=matern32", "--lengthscale=0.2,0.4",
                            "--inducing_points=z.npy"};
  Order order_;
};

Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_F(RctGraphOrderTest, ResidualMetric) {
  const Arguments sorted = model_ + Arguments{"--points=sorted.npy", "--k=6"};
  for (const char* order : {"--order=maxmin", "--order=order.npy"}) {
    ExpectRenamed(sorted,
                  model_ + Arguments{"--points=p.npy", "--k=6", order,
                                     "--audit=40", "--out_order=used.npy"});
    EXPECT_EQ(Read("used.npy"), Read("order.npy"));
  }
  ExpectRenamed(sorted + Arguments{"--allowed_rows=allowed_sorted.npy"},
                model_ + Arguments{"--points=p.npy", "--k=6", "--order=maxmin",
                                   "--allowed_rows=allowed.npy", "--audit=40"});
}

TEST_F(RctGraphOrderTest, IndexFile) {
  ASSERT_EQ(Rct(Arguments{"build", "--points=p.npy", "--index=p.rct"} + model_)
                .exit_code,
            0);
  ExpectRenamed(model_ + Arguments{"--points=sorted.npy", "--k=6"},
                {"--index=p.rct", "--k=6", "--order=maxmin", "--audit=40"});
}

TEST_F(RctGraphOrderTest, InducingRows) {
  ASSERT_EQ(Rct({"build", "--points=p.npy", "--index=p.rct", "--kernel=rbf",
                 "--lengthscale=0.2", "--num_inducing=30"})
                .exit_code,
            0);
  const Arguments drawn = {"--points=p.npy", "--kernel=rbf",
                           "--lengthscale=0.2", "--num_inducing=30"};
  const Arguments graph = {"--k=6", "--order=random", "--audit=300"};
  Graph(drawn + graph);
  const std::string expected = Read("i.npy");
  Graph(Arguments{"--index=p.rct"} + graph);
  EXPECT_EQ(Read("i.npy"), expected);
}

TEST_F(RctGraphOrderTest, EuclideanDistance) {
  const Arguments euclidean = {"--metric=euclidean", "--k=6"};
  ExpectRenamed(euclidean + Arguments{"--points=sorted.npy"},
                euclidean + Arguments{"--points=p.npy", "--order=order.npy",
                                      "--audit=40"});
}

TEST_F(RctGraphOrderTest, Lists) {
  Arguments arguments = {
      "graph",         "--metric=euclidean",  "--points=p.npy",
      "--radius=0.15", "--order=order.npy",   "--predecessor",
      "--audit=300",   "--out_offsets=o.npy", "--out_indices=i.npy"};
  const Outcome outcome = Rct(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const Order ranks = RanksOf(order_);
  const Order offsets = ReadIndices(Path("o.npy")).value();
  const Order rows = ReadIndices(Path("i.npy")).value();
  ASSERT_EQ(offsets.size(), kRows + 1);
  EXPECT_EQ(offsets[order_[0] + 1] - offsets[order_[0]], 0);
  for (int64_t i = 0; i < kRows; ++i) {
    for (int64_t j = offsets[i]; j < offsets[i + 1]; ++j) {
      EXPECT_LT(ranks[rows[j]], ranks[i]);
    }
  }
}

TEST_F(RctGraphOrderTest, BadOrders) {
  const auto expect = [&](const Order& order, const std::string& message) {
    Write("bad.npy", SerializeNpy(order));
    const Outcome outcome =
        Rct({"graph", "--points=p.npy", "--k=3", "--metric=euclidean",
             "--predecessor", "--order=bad.npy", "--out_indices=e.npy"});
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_THAT(outcome.err, HasSubstr("--order: bad.npy: " + message));
  };
  Order order = order_;
  order[7] = order[3];
  expect(order, absl::StrCat("element 7 is ", order[3], ", as element 3 is"));
  order[5] = kRows;
  expect(order, "element 5 is 300; must be from 0 to 299");
  order.pop_back();
  expect(order, "has 299 elements, the data has 300 rows");
}

}  // namespace
}  // namespace rct
