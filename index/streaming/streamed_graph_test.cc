#include "index/streaming/streamed_graph.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/point_sets.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using testing::HasSubstr;

constexpr KernelConfig::Family kFamilies[] = {
    KernelConfig::MATERN12, KernelConfig::MATERN32, KernelConfig::MATERN52,
    KernelConfig::RBF};

Matrix<double> Uniform(int64_t n, int64_t dim, uint64_t seed = 1) {
  return MakePointSet(PointSet::kUniformCube, n, dim, seed);
}

StreamOptions OptionsFor(KernelConfig::Family family, double lengthscale,
                         int64_t m) {
  StreamOptions options;
  ResidualConfig& residual = *options.index.mutable_residual();
  residual.mutable_kernel()->set_family(family);
  residual.mutable_kernel()->add_lengthscale(lengthscale);
  residual.mutable_inducing()->mutable_random()->set_count(m);
  options.index.set_threads(2);
  options.k = 5;
  return options;
}

// Options that cut small sets into many units and fetch and defer.
void CutSmall(StreamOptions& options) {
  options.cells = 64;
  options.units = 8;
  options.early_rows = 100;
  options.defer_below = 40;
}

class StreamedGraphTest : public FolderTest {
 protected:
  // Returns the graph, and sets `report_`.
  absl::StatusOr<NeighborTable> Stream(const Matrix<double>& points,
                                       StreamOptions options,
                                       Monitor* monitor = nullptr) {
    options.work = Path("work");
    NeighborTable graph(points.rows(), options.k);
    absl::StatusOr<StreamReport> report = StreamGraph(
        points.view(), options,
        [&](int64_t first, const NeighborTable& rows) -> absl::Status {
          if (refuses_) return absl::DataLossError("nobody takes it");
          for (int64_t i = 0; i < rows.num_queries(); ++i) {
            std::copy_n(rows.rows().row(i), rows.k(),
                        graph.rows().row(first + i));
            std::copy_n(rows.distances().row(i), rows.k(),
                        graph.distances().row(first + i));
          }
          return absl::OkStatus();
        },
        monitor);
    if (!report.ok()) return report.status();
    report_ = *report;
    RemoveStreamFiles(options.work);
    return graph;
  }

  // Expects the bits of the graph in memory, with and without the constraint.
  void ExpectSame(const Matrix<double>& points, StreamOptions options) {
    const absl::StatusOr<ResidualIndex> index =
        ResidualIndex::Build(points.view(), options.index);
    ASSERT_THAT(index.status(), IsOk());
    for (const bool predecessor : {false, true}) {
      options.predecessor = predecessor;
      const absl::StatusOr<SearchResult> expected =
          index->Graph({.k = options.k, .predecessor = predecessor});
      ASSERT_THAT(expected.status(), IsOk());
      const absl::StatusOr<NeighborTable> graph = Stream(points, options);
      ASSERT_THAT(graph.status(), IsOk());
      EXPECT_EQ(graph->Digest(), expected->neighbors.Digest())
          << "predecessor " << predecessor << ", bound " << report_.bound;
      EXPECT_FALSE(std::filesystem::exists(Path("work")));
    }
  }

  StreamReport report_;
  bool refuses_ = false;  // to take the graph, when it is there
};

TEST_F(StreamedGraphTest, IsThatInMemory) {
  for (const KernelConfig::Family family : kFamilies) {
    for (const int64_t dim : {1, 2, 3}) {
      SCOPED_TRACE(testing::Message() << KernelConfig::Family_Name(family)
                                      << ", " << dim << " dimensions");
      StreamOptions options = OptionsFor(family, 0.3, 40);
      CutSmall(options);
      ExpectSame(Uniform(2000, dim), options);
      EXPECT_GT(report_.deferred, 0);
    }
  }
}

TEST_F(StreamedGraphTest, WithoutInducingPoints) {
  for (const KernelConfig::Family family : kFamilies) {
    StreamOptions options = OptionsFor(family, 0.1, 1);
    options.index.mutable_residual()->mutable_inducing()->mutable_none();
    CutSmall(options);
    ExpectSame(Uniform(2000, 2), options);
  }
}

TEST_F(StreamedGraphTest, CertifiesFetchesAndDefers) {
  for (const KernelConfig::Family family :
       {KernelConfig::MATERN12, KernelConfig::RBF}) {
    StreamOptions options = OptionsFor(family, 0.3, 100);
    CutSmall(options);
    ExpectSame(Uniform(6000, 2), options);
    EXPECT_EQ(report_.bound,
              family == KernelConfig::RBF ? "skeletons" : "far field");
    EXPECT_GT(report_.fetched_points, 0);
    EXPECT_GT(report_.deferred, 0);
    // Most pairs of a query and a cell are certified.
    EXPECT_LT(report_.deferred, 6000 * 32);
  }
}

TEST_F(StreamedGraphTest, AdversarialSets) {
  for (const KernelConfig::Family family :
       {KernelConfig::MATERN12, KernelConfig::MATERN52, KernelConfig::RBF}) {
    StreamOptions options = OptionsFor(family, 0.5, 20);
    CutSmall(options);
    options.defer_below = 10;
    options.early_rows = 7;
    ResidualConfig& residual = *options.index.mutable_residual();
    auto& z = *residual.mutable_inducing()->mutable_coordinates();
    for (int i = 0; i < 20; ++i) z.add_value(0.05 * i);
    const int64_t n = 700;
    Matrix<double> equal = Matrix<double>::Zeros(n, 2);
    Matrix<double> line = Matrix<double>::Zeros(n, 2);
    Matrix<double> twice = Matrix<double>::Zeros(n, 2);
    Matrix<double> clusters = Matrix<double>::Zeros(n, 2);
    const Matrix<double> random = Uniform(n, 2);
    for (int64_t i = 0; i < n; ++i) {
      line(i, 0) = static_cast<double>(i) / n;
      for (int c = 0; c < 2; ++c) {
        twice(i, c) = random(i % (n / 2), c);
        clusters(i, c) = random(i % 5, c) + 1e-7 * random(i, c);
      }
    }
    for (const Matrix<double>* points : {&equal, &line, &twice, &clusters}) {
      SCOPED_TRACE(points - &equal);
      ExpectSame(*points, options);
    }
  }
}

TEST_F(StreamedGraphTest, SmallSets) {
  StreamOptions options = OptionsFor(KernelConfig::MATERN32, 0.5, 1);
  CutSmall(options);
  options.early_rows = 2;
  auto& z = *options.index.mutable_residual()->mutable_inducing();
  z.mutable_coordinates()->add_value(0.5);
  z.mutable_coordinates()->add_value(0.5);
  for (const int64_t n : {0, 1, 2, 3, 5, 17, 64}) {
    for (const int64_t k : {1, 5, 100}) {
      SCOPED_TRACE(testing::Message() << n << " points, k " << k);
      options.k = k;
      ExpectSame(Uniform(n, 2), options);
    }
  }
}

TEST_F(StreamedGraphTest, DuplicatesOfInducingPoints) {
  for (const KernelConfig::Family family :
       {KernelConfig::MATERN12, KernelConfig::RBF}) {
    StreamOptions options = OptionsFor(family, 0.3, 30);
    CutSmall(options);
    Matrix<double> points = Uniform(2000, 2);
    for (int64_t i = 1000; i < 1100; ++i) {
      std::copy_n(points.row(i - 1000), 2, points.row(i));
    }
    auto& rows =
        *options.index.mutable_residual()->mutable_inducing()->mutable_rows();
    for (int64_t i = 0; i < 30; ++i) rows.add_row(990 + 3 * i);
    ExpectSame(points, options);
  }
}

TEST_F(StreamedGraphTest, ThreadsAndCutsChangeNothing) {
  const Matrix<double> points = Uniform(3000, 2);
  StreamOptions options = OptionsFor(KernelConfig::MATERN32, 0.3, 60);
  options.predecessor = true;
  std::string first;
  for (const int threads : {1, 2}) {
    for (const int64_t units : {1, 2, 16}) {
      for (const int64_t defer_below : {0, 1000000}) {
        options.index.set_threads(threads);
        options.units = units;
        options.cells = 64;
        options.early_rows = 50 * units;
        options.defer_below = defer_below;
        const absl::StatusOr<NeighborTable> graph = Stream(points, options);
        ASSERT_THAT(graph.status(), IsOk());
        if (first.empty()) first = graph->Digest();
        EXPECT_EQ(graph->Digest(), first) << threads << " " << units;
      }
    }
  }
}

TEST_F(StreamedGraphTest, ResumesAfterAStop) {
  const Matrix<double> points = Uniform(3000, 2);
  StreamOptions options = OptionsFor(KernelConfig::MATERN12, 0.3, 60);
  CutSmall(options);
  options.predecessor = true;
  const absl::StatusOr<NeighborTable> whole = Stream(points, options);
  ASSERT_THAT(whole.status(), IsOk());
  for (const double stop : {0.01, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95}) {
    Monitor monitor([stop](double done) { return done < stop; });
    options.resume = false;
    const absl::StatusOr<NeighborTable> part =
        Stream(points, options, &monitor);
    if (part.ok()) continue;  // it was faster than the monitor
    EXPECT_EQ(part.status().code(), absl::StatusCode::kCancelled);
    options.resume = true;
    const absl::StatusOr<NeighborTable> rest = Stream(points, options);
    ASSERT_THAT(rest.status(), IsOk());
    EXPECT_EQ(rest->Digest(), whole->Digest());
  }
}

TEST_F(StreamedGraphTest, ResumesWhereNobodyTookTheGraph) {
  const Matrix<double> points = Uniform(3000, 2);
  StreamOptions options = OptionsFor(KernelConfig::MATERN12, 0.3, 60);
  CutSmall(options);
  const absl::StatusOr<NeighborTable> whole = Stream(points, options);
  ASSERT_THAT(whole.status(), IsOk());
  EXPECT_EQ(report_.units_resumed, 0);
  refuses_ = true;
  EXPECT_THAT(Stream(points, options).status(),
              StatusIs(absl::StatusCode::kDataLoss));
  refuses_ = false;
  options.resume = true;
  const absl::StatusOr<NeighborTable> rest = Stream(points, options);
  ASSERT_THAT(rest.status(), IsOk());
  EXPECT_EQ(rest->Digest(), whole->Digest());
  EXPECT_EQ(report_.units_resumed, report_.units);
}

TEST_F(StreamedGraphTest, RefusesChunksOfAnotherSearch) {
  const Matrix<double> points = Uniform(2000, 2);
  StreamOptions options = OptionsFor(KernelConfig::MATERN12, 0.3, 60);
  CutSmall(options);
  refuses_ = true;
  ASSERT_FALSE(Stream(points, options).ok());
  refuses_ = false;
  EXPECT_THAT(Stream(points, options).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("has chunks of a search that was stopped")));
  options.resume = true;
  options.k = 6;
  EXPECT_THAT(Stream(points, options).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("other points or with other options")));
}

TEST_F(StreamedGraphTest, RefusesALimitThatIsTooSmall) {
  StreamOptions options = OptionsFor(KernelConfig::RBF, 0.3, 60);
  options.memory_limit_bytes = 1 << 20;
  EXPECT_THAT(Stream(Uniform(2000, 2), options).status(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("leave no room")));
}

}  // namespace
}  // namespace rct
