#include "index/distributed/distributed_graph.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/point_sets.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/distributed/communicator.h"
#include "index/distributed/thread_ranks.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr KernelConfig::Family kFamilies[] = {
    KernelConfig::MATERN12, KernelConfig::MATERN32, KernelConfig::MATERN52,
    KernelConfig::RBF};
constexpr int kRanks[] = {1, 2, 3, 4, 7};
constexpr int kSomeRanks[] = {2, 7};

Matrix<double> Uniform(int64_t n, int64_t dim, uint64_t seed = 1) {
  return MakePointSet(PointSet::kUniformCube, n, dim, seed);
}

DistributedOptions OptionsFor(KernelConfig::Family family, double lengthscale,
                              int64_t m) {
  DistributedOptions options;
  ResidualConfig& residual = *options.index.mutable_residual();
  residual.mutable_kernel()->set_family(family);
  residual.mutable_kernel()->add_lengthscale(lengthscale);
  residual.mutable_inducing()->mutable_random()->set_count(m);
  options.index.set_threads(1);
  options.k = 5;
  return options;
}

InducingConfig& InducingOf(DistributedOptions& options) {
  return *options.index.mutable_residual()->mutable_inducing();
}

// Options that cut small sets into many units and fetch and defer, in many
// pieces.
void CutSmall(DistributedOptions& options) {
  options.cells = 64;
  options.units = 3;
  options.early_rows = 100;
  options.defer_below = 40;
  options.piece_bytes = 100'000;
}

MatrixView<const double> SliceIn(const Matrix<double>& points, int rank,
                                 int size) {
  const RowRange slice = SliceOf(points.rows(), rank, size);
  return {points.row(slice.first), slice.count, points.cols(), points.stride()};
}

// What all ranks have returned.
struct Outcome {
  NeighborTable graph;
  std::vector<absl::StatusOr<DistributedReport>> reports;

  int64_t Sum(int64_t RankReport::*field) const {
    int64_t sum = 0;
    for (const RankReport& rank : reports[0]->ranks) sum += rank.*field;
    return sum;
  }
};

// Changes what one rank does.
struct RankChange {
  std::function<void(int rank, DistributedOptions& options)> options =
      [](int, DistributedOptions&) {};
  std::function<absl::Status(int rank)> write = [](int) {
    return absl::OkStatus();
  };
  std::function<Monitor*(int rank)> monitor = [](int) { return nullptr; };
};

Outcome RunRanks(const Matrix<double>& points,
                 const DistributedOptions& options, int size,
                 const RankChange& change = {}) {
  Outcome outcome = {NeighborTable(points.rows(), options.k),
                     std::vector<absl::StatusOr<DistributedReport>>(
                         size, absl::UnknownError("has not returned"))};
  RunThreadRanks(size, [&](Communicator& ranks) {
    DistributedOptions own = options;
    change.options(ranks.rank(), own);
    // Memory of its own, as if it were another process.
    const Matrix<double> slice =
        Matrix<double>::Copy(SliceIn(points, ranks.rank(), size));
    int64_t next = SliceOf(points.rows(), ranks.rank(), size).first;
    outcome.reports[ranks.rank()] = DistributedGraph(
        ranks, {points.rows(), slice.view()}, own,
        [&](int64_t first, const NeighborTable& rows) {
          EXPECT_EQ(first, next);
          next = first + rows.num_queries();
          for (int64_t i = 0; i < rows.num_queries(); ++i) {
            std::copy_n(rows.rows().row(i), rows.k(),
                        outcome.graph.rows().row(first + i));
            std::copy_n(rows.distances().row(i), rows.k(),
                        outcome.graph.distances().row(first + i));
          }
          return change.write(ranks.rank());
        },
        change.monitor(ranks.rank()));
    if (outcome.reports[ranks.rank()].ok()) {
      EXPECT_EQ(next, SliceOf(points.rows(), ranks.rank(), size).last());
    }
  });
  return outcome;
}

// Expects that all ranks have returned this error, and nothing else.
void ExpectSameError(const Outcome& outcome) {
  for (const auto& report : outcome.reports) {
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.status(), outcome.reports[0].status());
  }
}

// Expects that reports agree, and that their numbers fit each other.
void ExpectConsistent(const Outcome& outcome) {
  const DistributedReport& first = *outcome.reports[0];
  for (const auto& report : outcome.reports) {
    EXPECT_EQ(report->bound, first.bound);
    EXPECT_EQ(report->ranks.size(), outcome.reports.size());
  }
  EXPECT_EQ(outcome.Sum(&RankReport::deferred_in),
            outcome.Sum(&RankReport::deferred_out));
  for (const RankReport& rank : first.ranks) {
    const RankTraffic& traffic = rank.traffic;
    EXPECT_EQ(rank.bytes_sent, traffic.points + traffic.bounds +
                                   traffic.fetched + traffic.deferred +
                                   traffic.answers);
    EXPECT_EQ(rank.bytes_sent > 0, outcome.reports.size() > 1);
  }
}

// Expects the bits of the graph in memory, with and without the constraint, for
// each number of ranks.
void ExpectSame(
    const Matrix<double>& points, DistributedOptions options,
    absl::FunctionRef<void(const Outcome&)> also = [](const Outcome&) {},
    absl::Span<const int> ranks = kSomeRanks) {
  const absl::StatusOr<ResidualIndex> index =
      ResidualIndex::Build(points.view(), options.index);
  ASSERT_THAT(index.status(), IsOk());
  for (const bool predecessor : {false, true}) {
    options.predecessor = predecessor;
    const absl::StatusOr<SearchResult> expected =
        index->Graph({.k = options.k, .predecessor = predecessor});
    ASSERT_THAT(expected.status(), IsOk());
    for (const int size : ranks) {
      SCOPED_TRACE(testing::Message()
                   << size << " ranks, predecessor " << predecessor);
      const Outcome outcome = RunRanks(points, options, size);
      for (const auto& report : outcome.reports) {
        ASSERT_THAT(report.status(), IsOk());
      }
      EXPECT_EQ(outcome.graph.Digest(), expected->neighbors.Digest())
          << "bound " << outcome.reports[0]->bound;
      ExpectConsistent(outcome);
      also(outcome);
    }
  }
}

TEST(SliceOfTest, SharesRowsOut) {
  for (const int64_t n : {0, 1, 5, 7, 100}) {
    for (const int size : kRanks) {
      int64_t next = 0;
      for (int r = 0; r < size; ++r) {
        const RowRange slice = SliceOf(n, r, size);
        EXPECT_EQ(slice.first, next);
        EXPECT_LE(slice.count, n / size + 1);
        next = slice.last();
      }
      EXPECT_EQ(next, n);
    }
  }
}

TEST(DistributedGraphTest, IsThatInMemory) {
  for (const KernelConfig::Family family : kFamilies) {
    for (const int64_t dim : {1, 2, 3}) {
      SCOPED_TRACE(testing::Message() << KernelConfig::Family_Name(family)
                                      << ", " << dim << " dimensions");
      DistributedOptions options = OptionsFor(family, 0.3, 40);
      CutSmall(options);
      const auto check = [](const Outcome& outcome) {
        EXPECT_GT(outcome.Sum(&RankReport::deferred_out), 0);
      };
      ExpectSame(Uniform(700, dim), options, check,
                 dim == 2 ? absl::Span<const int>(kRanks) : kSomeRanks);
    }
  }
}

TEST(DistributedGraphTest, CertifiesFetchesAndDefers) {
  constexpr int64_t kPoints = 4000;
  for (const KernelConfig::Family family :
       {KernelConfig::MATERN12, KernelConfig::RBF}) {
    DistributedOptions options = OptionsFor(family, 0.3, 100);
    CutSmall(options);
    const auto check = [&](const Outcome& outcome) {
      EXPECT_EQ(outcome.reports[0]->bound,
                family == KernelConfig::RBF ? "skeletons" : "far field");
      EXPECT_EQ(outcome.Sum(&RankReport::points), kPoints - 100);
      EXPECT_GT(outcome.Sum(&RankReport::fetched_points), 0);
      EXPECT_GT(outcome.Sum(&RankReport::deferred_out), 0);
      // Most pairs of a query and a cell are certified.
      EXPECT_LT(outcome.Sum(&RankReport::deferred_out), kPoints * 32);
      for (const RankReport& rank : outcome.reports[0]->ranks) {
        EXPECT_GT(rank.points, kPoints / 2 / std::ssize(outcome.reports));
        EXPECT_GT(rank.traffic.fetched, 0);
        EXPECT_GT(rank.traffic.deferred, 0);
        EXPECT_GT(rank.deferred_in, 0);
        EXPECT_GT(rank.evaluations, 0);
        EXPECT_GT(rank.projected, rank.points);
      }
    };
    ExpectSame(Uniform(kPoints, 2), options, check, {2, 5});
  }
}

TEST(DistributedGraphTest, AsItSuits) {
  for (const KernelConfig::Family family : kFamilies) {
    DistributedOptions options = OptionsFor(family, 0.3, 50);
    options.k = 10;
    ExpectSame(Uniform(2500, 2), options, [](const Outcome&) {}, {3});
  }
}

TEST(DistributedGraphTest, AdversarialSets) {
  for (const KernelConfig::Family family :
       {KernelConfig::MATERN12, KernelConfig::MATERN52, KernelConfig::RBF}) {
    DistributedOptions options = OptionsFor(family, 0.5, 20);
    CutSmall(options);
    options.defer_below = 10;
    options.early_rows = 7;
    auto& z = *InducingOf(options).mutable_coordinates();
    for (int i = 0; i < 20; ++i) z.add_value(0.05 * i);
    const int64_t n = 400;
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
      ExpectSame(
          *points, options, [](const Outcome&) {}, kRanks);
    }
  }
}

TEST(DistributedGraphTest, SmallSets) {
  DistributedOptions options = OptionsFor(KernelConfig::MATERN32, 0.5, 1);
  CutSmall(options);
  options.early_rows = 2;
  InducingOf(options).mutable_coordinates()->add_value(0.5);
  InducingOf(options).mutable_coordinates()->add_value(0.5);
  for (const int64_t n : {0, 1, 2, 3, 5, 17, 64}) {
    for (const int64_t k :
         {int64_t{1}, std::max<int64_t>(1, n - 1), int64_t{100}}) {
      SCOPED_TRACE(testing::Message() << n << " points, k " << k);
      options.k = k;
      ExpectSame(Uniform(n, 2), options);
    }
  }
}

TEST(DistributedGraphTest, MoreNeighborsThanARankHasPoints) {
  for (const KernelConfig::Family family :
       {KernelConfig::MATERN12, KernelConfig::RBF}) {
    DistributedOptions options = OptionsFor(family, 0.3, 20);
    CutSmall(options);
    options.k = 250;
    ExpectSame(Uniform(600, 2), options);
  }
}

TEST(DistributedGraphTest, LargeAndTinyCoordinates) {
  for (const double scale : {1e-9, 1e9}) {
    DistributedOptions options =
        OptionsFor(KernelConfig::MATERN32, 0.3 * scale, 30);
    CutSmall(options);
    Matrix<double> points = Uniform(800, 2);
    for (int64_t i = 0; i < points.rows(); ++i) {
      for (int c = 0; c < 2; ++c) points(i, c) *= scale;
    }
    ExpectSame(points, options);
  }
}

TEST(DistributedGraphTest, InducingPoints) {
  const Matrix<double> points = Uniform(900, 2);
  std::vector<InducingConfig> sources(5);
  for (int64_t i = 0; i < 30; ++i) {
    sources[0].mutable_rows()->add_row((7 + 29 * i) % 900);
  }
  sources[1].mutable_kmeans_plus_plus()->set_count(30);
  sources[2].mutable_kmeans()->set_count(30);
  sources[3].mutable_cover_tree()->set_count(30);
  sources[4].mutable_none();
  for (const InducingConfig& source : sources) {
    SCOPED_TRACE(source.ShortDebugString());
    DistributedOptions options = OptionsFor(KernelConfig::MATERN32, 0.2, 1);
    CutSmall(options);
    InducingOf(options) = source;
    ExpectSame(points, options);
  }
}

TEST(DistributedGraphTest, EveryPointIsAnInducingPoint) {
  DistributedOptions options = OptionsFor(KernelConfig::MATERN12, 0.3, 40);
  CutSmall(options);
  options.early_rows = 5;
  ExpectSame(Uniform(40, 2), options);
  ExpectSame(Uniform(41, 2), options);
}

TEST(DistributedGraphTest, DuplicatesOfInducingPoints) {
  for (const KernelConfig::Family family :
       {KernelConfig::MATERN12, KernelConfig::RBF}) {
    DistributedOptions options = OptionsFor(family, 0.3, 30);
    CutSmall(options);
    Matrix<double> points = Uniform(1500, 2);
    for (int64_t i = 1000; i < 1100; ++i) {
      std::copy_n(points.row(i - 1000), 2, points.row(i));
    }
    auto& rows = *InducingOf(options).mutable_rows();
    for (int64_t i = 0; i < 30; ++i) rows.add_row(990 + 3 * i);
    ExpectSame(points, options);
  }
}

TEST(DistributedGraphTest, ThreadsAndCutsChangeNothing) {
  const Matrix<double> points = Uniform(1000, 2);
  DistributedOptions options = OptionsFor(KernelConfig::MATERN32, 0.3, 20);
  options.predecessor = true;
  std::string first;
  for (const int threads : {1, 2}) {
    for (const int64_t units : {1, 4}) {
      for (const int64_t defer_below : {0, 1000000}) {
        for (const int64_t piece_bytes : {3000, 1 << 20}) {
          options.index.set_threads(threads);
          options.units = units;
          options.cells = 64;
          options.early_rows = 50 * units;
          options.defer_below = defer_below;
          options.piece_bytes = piece_bytes;
          const Outcome outcome = RunRanks(points, options, 3);
          ASSERT_THAT(outcome.reports[0].status(), IsOk());
          if (first.empty()) first = outcome.graph.Digest();
          EXPECT_EQ(outcome.graph.Digest(), first)
              << threads << " " << units << " " << defer_below;
          if (defer_below == 0) {
            EXPECT_GT(outcome.Sum(&RankReport::fetched_points), 0);
          } else {
            EXPECT_EQ(outcome.Sum(&RankReport::fetched_points), 0);
          }
        }
      }
    }
  }
}

class DistributedErrorsTest : public testing::Test {
 protected:
  DistributedErrorsTest()
      : points_(Uniform(1000, 2)),
        options_(OptionsFor(KernelConfig::MATERN12, 0.3, 30)) {
    CutSmall(options_);
  }

  void ExpectError(absl::StatusCode code, const std::string& part,
                   const RankChange& change = {}) {
    for (const int size : {1, 2, 3, 7}) {
      SCOPED_TRACE(testing::Message() << size << " ranks");
      const Outcome outcome = RunRanks(points_, options_, size, change);
      ExpectSameError(outcome);
      EXPECT_THAT(outcome.reports[0].status(), StatusIs(code, HasSubstr(part)));
    }
  }

  Matrix<double> points_;
  DistributedOptions options_;
};

TEST_F(DistributedErrorsTest, NamesTheRowOfAllPoints) {
  points_(777, 1) = std::numeric_limits<double>::quiet_NaN();
  points_(888, 0) = std::numeric_limits<double>::infinity();
  ExpectError(absl::StatusCode::kInvalidArgument,
              "points: row 777, column 1 is nan; all values must be finite");
  // As in memory.
  EXPECT_EQ(RunRanks(points_, options_, 3).reports[0].status(),
            ResidualIndex::Build(points_.view(), options_.index).status());
}

TEST_F(DistributedErrorsTest, OfInducingPoints) {
  auto& rows = *InducingOf(options_).mutable_rows();
  rows.add_row(5);
  rows.add_row(5);
  ExpectError(absl::StatusCode::kInvalidArgument,
              "row 5 is already there at [0]");
  rows.set_row(1, 1000);
  ExpectError(absl::StatusCode::kInvalidArgument,
              "row 1000 is out of range; the data has 1000 rows");
  InducingOf(options_).mutable_kmeans_plus_plus()->set_count(1001);
  ExpectError(absl::StatusCode::kInvalidArgument, "is 1001");
  InducingOf(options_).Clear();
  ExpectError(absl::StatusCode::kInvalidArgument, "no source given");
}

TEST_F(DistributedErrorsTest, OfInducingPointsThatAreEqual) {
  for (int64_t row : {100, 900}) std::fill_n(points_.row(row), 2, 0.25);
  auto& rows = *InducingOf(options_).mutable_rows();
  rows.add_row(100);
  rows.add_row(900);
  options_.index.mutable_residual()->set_jitter(1e-300);
  ExpectError(absl::StatusCode::kFailedPrecondition, "positive definite");
}

TEST_F(DistributedErrorsTest, OfOptions) {
  options_.k = 0;
  ExpectError(absl::StatusCode::kInvalidArgument, "k");
  options_.k = 5;
  options_.index.set_threads(-1);
  ExpectError(absl::StatusCode::kInvalidArgument, "threads");
  options_.index.set_threads(1);
  options_.memory_limit_bytes = -1;
  ExpectError(absl::StatusCode::kInvalidArgument, "memory_limit_bytes");
  options_.memory_limit_bytes = 1 << 20;
  options_.units = 0;
  ExpectError(absl::StatusCode::kResourceExhausted, "leave no room");
}

TEST_F(DistributedErrorsTest, OneRankHasLessMemory) {
  options_.units = 0;
  const auto less = [](int rank, DistributedOptions& options) {
    options.memory_limit_bytes = rank == 0 ? int64_t{1} << 20 : 0;
  };
  ExpectError(absl::StatusCode::kResourceExhausted, "1.0 MiB leave no room",
              {.options = less});
}

TEST_F(DistributedErrorsTest, DifferentOptions) {
  const auto expect = [&](absl::FunctionRef<void(DistributedOptions&)> differ,
                          const std::string& what) {
    const auto change = [&](int rank, DistributedOptions& options) {
      if (rank == 2) differ(options);
    };
    const Outcome outcome = RunRanks(points_, options_, 4, {.options = change});
    ExpectSameError(outcome);
    EXPECT_THAT(outcome.reports[0].status(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(what), HasSubstr("on rank 2"))));
  };
  expect([](DistributedOptions& options) { options.k = 6; },
         "k is 5 on rank 0 and 6 on rank 2");
  expect([](DistributedOptions& options) { options.predecessor = true; },
         "predecessor is false on rank 0 and true");
  expect([](DistributedOptions& options) { options.cells = 32; }, "cells");
  expect(
      [](DistributedOptions& options) {
        InducingOf(options).mutable_random()->set_seed(3);
      },
      "inducing points");
  expect(
      [](DistributedOptions& options) {
        options.index.mutable_residual()->set_jitter(1e-4);
      },
      "index options");
}

TEST_F(DistributedErrorsTest, ThreadsMayDiffer) {
  const auto change = [](int rank, DistributedOptions& options) {
    options.index.set_threads(1 + rank % 2);
  };
  const Outcome outcome = RunRanks(points_, options_, 3, {.options = change});
  ASSERT_THAT(outcome.reports[0].status(), IsOk());
  EXPECT_EQ(outcome.graph.Digest(),
            RunRanks(points_, options_, 1).graph.Digest());
}

TEST_F(DistributedErrorsTest, OfTheWriter) {
  const auto write = [](int rank) -> absl::Status {
    if (rank < 1) return absl::OkStatus();
    return absl::DataLossError("the disk is full");
  };
  const Outcome outcome = RunRanks(points_, options_, 4, {.write = write});
  ExpectSameError(outcome);
  EXPECT_THAT(outcome.reports[0].status(),
              StatusIs(absl::StatusCode::kDataLoss, "the disk is full"));
}

TEST_F(DistributedErrorsTest, AnExceptionOfOneRankIsAnError) {
  const auto write = [](int rank) -> absl::Status {
    if (rank == 1) throw std::bad_alloc();
    return absl::OkStatus();
  };
  const Outcome outcome = RunRanks(points_, options_, 4, {.write = write});
  ExpectSameError(outcome);
  EXPECT_THAT(outcome.reports[0].status(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       HasSubstr("memory ran out")));
}

TEST_F(DistributedErrorsTest, OneRankIsCancelledAtAnyTime) {
  for (const double stop : {0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9}) {
    Monitor cancelled([stop](double done) { return done < stop; });
    const auto monitor = [&](int rank) {
      return rank == 1 ? &cancelled : nullptr;
    };
    const Outcome outcome =
        RunRanks(points_, options_, 3, {.monitor = monitor});
    if (outcome.reports[0].ok()) continue;  // it was faster than the monitor
    ExpectSameError(outcome);
    EXPECT_EQ(outcome.reports[0].status().code(), absl::StatusCode::kCancelled);
  }
}

TEST(DistributedGraphTest, ASliceOfTheWrongSizeIsAnError) {
  const Matrix<double> points = Uniform(100, 2);
  const DistributedOptions options = OptionsFor(KernelConfig::RBF, 0.3, 10);
  RunThreadRanks(2, [&](Communicator& ranks) {
    const absl::StatusOr<DistributedReport> report = DistributedGraph(
        ranks, {points.rows(), points.view()}, options,
        [](int64_t, const NeighborTable&) { return absl::OkStatus(); });
    EXPECT_THAT(report.status(),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         "points: rank 0 was given 100 rows; its slice of 100 "
                         "points has 50, from row 0"));
  });
}

}  // namespace
}  // namespace rct
