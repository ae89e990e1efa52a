#include "parity/conformance.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/residual_index.h"
#include "metric/inducing_points.h"
#include "metric/metric.pb.h"
#include "metric/test_data.h"
#include "parity/gate_matchers.h"
#include "parity/oracle.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

constexpr KernelConfig::Family kFamilies[] = {
    KernelConfig::RBF, KernelConfig::MATERN12, KernelConfig::MATERN32,
    KernelConfig::MATERN52};

ResidualConfig Residual(KernelConfig::Family family, double lengthscale,
                        int64_t inducing) {
  ResidualConfig config;
  config.mutable_kernel()->set_family(family);
  config.mutable_kernel()->add_lengthscale(lengthscale);
  config.mutable_inducing()->mutable_random()->set_count(inducing);
  return config;
}

ResidualModel Model(const Matrix<double>& points,
                    const ResidualConfig& config) {
  return ResidualModel::Create(points.view(), config, /*threads=*/1).value();
}

ResidualIndex Exhaustive(const ResidualModel& model) {
  IndexOptions options;
  options.set_strategy(EXHAUSTIVE);
  options.set_threads(1);
  return ResidualIndex::Build(model, options).value();
}

std::vector<int64_t> RandomRows(int64_t n, int64_t count, uint64_t seed) {
  RandomStream stream(seed, /*stream=*/0);
  std::vector<int64_t> rows(count);
  for (int64_t& row : rows) {
    row = static_cast<int64_t>(stream.UniformBelow(n));
  }
  return rows;
}

std::vector<int64_t> AllRows(int64_t n) {
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

NeighborTable Search(const ResidualIndex& index,
                     const std::vector<int64_t>& rows, SearchOptions options) {
  return index.Search(rows, options).value().neighbors;
}

class Fixture {
 public:
  explicit Fixture(const Subject& subject) : options_(subject.options) {
    options_.set_threads(1);
  }

  ResidualIndex Build(const ResidualModel& model, int threads = 1) const {
    IndexOptions options = options_;
    options.set_threads(threads);
    return ResidualIndex::Build(model, options).value();
  }

 private:
  IndexOptions options_;
};

// Expects that each neighbor's t is the oracle's within the stated error, and
// that no row is missing that the oracle prefers by more than that.
void ExpectAgreesWithOracle(const NeighborTable& table,
                            const OracleProblem& oracle,
                            const std::vector<int64_t>& rows,
                            const SearchOptions& options) {
  const NeighborTable expected =
      oracle
          .Search(rows, options.k,
                  {.predecessor = options.predecessor,
                   .exclude_self = options.exclude_self},
                  /*num_threads=*/1)
          .value();
  const auto squared = [](long double distance) {
    return static_cast<double>(distance * distance);
  };
  for (int64_t i = 0; i < table.num_queries(); ++i) {
    ASSERT_EQ(table.count(i), expected.count(i)) << "query " << i;
    const auto error = [&](int64_t row) {
      return kOracleError *
                 static_cast<double>(1 / oracle.ResidualVariance(rows[i]) +
                                     1 / oracle.ResidualVariance(row)) +
             0x1p-51;
    };
    for (int64_t j = 0; j < table.count(i); ++j) {
      const int64_t row = table.rows()(i, j);
      const int64_t wanted = expected.rows()(i, j);
      const double t = squared(table.distances()(i, j));
      EXPECT_NEAR(t, squared(oracle.Distance(rows[i], row)), error(row))
          << "query " << i << ", rank " << j << ", row " << row;
      EXPECT_NEAR(t, squared(expected.distances()(i, j)),
                  std::max(error(row), error(wanted)))
          << "query " << i << ", rank " << j << ", row " << row
          << ", oracle has row " << wanted;
    }
  }
}

TEST_P(ConformanceTest, CrossEngineFixture) {
  const Fixture fixture(GetParam());
  for (const int64_t dim : {1, 2, 3, 8}) {
    for (const KernelConfig::Family family : kFamilies) {
      for (const uint64_t seed : {1, 2, 3}) {
        SCOPED_TRACE(absl::StrCat("d = ", dim, ", ",
                                  KernelConfig::Family_Name(family), ", seed ",
                                  seed));
        const Matrix<double> points = MakePointSet(
            seed % 2 == 0 ? PointSet::kUniformCube : PointSet::kNormal, 1000,
            dim, seed);
        ResidualConfig config = Residual(family, 1.0, 32);
        config.mutable_inducing()->mutable_random()->set_seed(seed);
        const ResidualModel model = Model(points, config);
        const ResidualIndex exhaustive = Exhaustive(model);
        const ResidualIndex subject = fixture.Build(model);
        const std::vector<int64_t> rows = RandomRows(1000, 64, seed);
        for (int64_t k = 1; k <= 10; ++k) {
          ASSERT_THAT(Search(subject, rows, {.k = k}),
                      MatchesExactly(Search(exhaustive, rows, {.k = k})))
              << "k = " << k;
        }
        const InducingPoints inducing =
            SelectInducingPoints(config.inducing(), points.view()).value();
        const OracleProblem oracle =
            OracleProblem::Residual(points.view(), config.kernel(),
                                    inducing.coordinates.view(),
                                    config.jitter(), config.variance_floor(),
                                    /*num_threads=*/1)
                .value();
        for (const SearchOptions options :
             {SearchOptions{.k = 10}, {.k = 10, .predecessor = true}}) {
          ExpectAgreesWithOracle(Search(subject, rows, options), oracle, rows,
                                 options);
        }
      }
    }
  }
}

TEST_P(ConformanceTest, AdversarialSets) {
  const Fixture fixture(GetParam());
  for (const std::string& name : AdversarialNames()) {
    for (const auto& [n, dim] :
         {std::pair<int64_t, int64_t>{300, 1}, {513, 2}, {321, 8}}) {
      const Matrix<double> points = MakePoints(name, n, dim, /*seed=*/5);
      for (const KernelConfig::Family family :
           {KernelConfig::RBF, KernelConfig::MATERN12}) {
        SCOPED_TRACE(absl::StrCat(name, ", n = ", n, ", d = ", dim, ", ",
                                  KernelConfig::Family_Name(family)));
        const ResidualModel model = Model(points, Residual(family, 0.5, 20));
        const ResidualIndex exhaustive = Exhaustive(model);
        const ResidualIndex subject = fixture.Build(model);
        const std::vector<int64_t> rows = AllRows(n);
        for (const SearchOptions options :
             {SearchOptions{.k = 1},
              {.k = 10},
              {.k = 10, .exclude_self = true},
              {.k = 10, .predecessor = true},
              {.k = 50, .exclude_self = true, .predecessor = true}}) {
          ASSERT_THAT(Search(subject, rows, options),
                      MatchesExactly(Search(exhaustive, rows, options)))
              << "k = " << options.k
              << (options.exclude_self ? ", no self" : "")
              << (options.predecessor ? ", predecessor" : "");
        }
      }
    }
  }
}

TEST_P(ConformanceTest, SmallAndExhaustedSets) {
  const Fixture fixture(GetParam());
  for (const int64_t n : {1, 2, 3, 9, 65}) {
    const Matrix<double> points =
        MakePointSet(PointSet::kNormal, n, 2, /*seed=*/8);
    const ResidualModel model =
        Model(points, Residual(KernelConfig::MATERN52, 1.0, (n + 1) / 2));
    const ResidualIndex exhaustive = Exhaustive(model);
    const ResidualIndex subject = fixture.Build(model);
    for (const int64_t k : {int64_t{1}, n, n + 7}) {
      for (const bool predecessor : {false, true}) {
        const SearchOptions options = {.k = k, .predecessor = predecessor};
        const NeighborTable table = Search(subject, AllRows(n), options);
        ASSERT_THAT(table,
                    MatchesExactly(Search(exhaustive, AllRows(n), options)));
        for (int64_t i = 0; i < n; ++i) {
          EXPECT_EQ(table.count(i), std::min(k, predecessor ? i : n));
        }
      }
    }
  }
}

// Returns the first k neighbors of a table of all neighbors that are strictly
// within a radius.
NeighborTable Within(const NeighborTable& all, double radius, int64_t k) {
  NeighborTable within(all.num_queries(), k);
  for (int64_t i = 0; i < all.num_queries(); ++i) {
    for (int64_t j = 0; j < std::min(k, all.count(i)); ++j) {
      if (!(all.distances()(i, j) < radius)) break;
      within.rows()(i, j) = all.rows()(i, j);
      within.distances()(i, j) = all.distances()(i, j);
    }
  }
  return within;
}

// Returns the first k neighbors of a table of all neighbors that are allowed.
NeighborTable Allowed(const NeighborTable& all, absl::Span<const bool> allowed,
                      int64_t k) {
  NeighborTable some(all.num_queries(), k);
  for (int64_t i = 0; i < all.num_queries(); ++i) {
    int64_t count = 0;
    for (int64_t j = 0; j < all.count(i) && count < k; ++j) {
      if (!allowed[all.rows()(i, j)]) continue;
      some.rows()(i, count) = all.rows()(i, j);
      some.distances()(i, count++) = all.distances()(i, j);
    }
  }
  return some;
}

// Returns radii that equal distances of pairs, to the last bit, and the next
// larger ones, and a few extreme ones.
std::vector<double> Radii(const NeighborTable& all) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> radii = {-1, 0, 1e-300, 1, 2, kInfinity};
  for (const int64_t rank : {1, 9, 60}) {
    const double distance = all.distances()(all.num_queries() / 2, rank);
    radii.push_back(distance);
    radii.push_back(std::nextafter(distance, kInfinity));
  }
  return radii;
}

constexpr int64_t kConstrainedRows = 321;

// Calls visit(subject, options, all) for indexes of several kinds of points and
// searches for all their rows, `all` the neighbors of each.
template <class Visit>
void VisitConstrained(const Fixture& fixture, KernelConfig::Family family,
                      uint64_t seed, Visit visit) {
  constexpr int64_t n = kConstrainedRows;
  for (const char* name : {"normal", "pairs", "grid", "crowded"}) {
    SCOPED_TRACE(name);
    const Matrix<double> points = MakePoints(name, n, 2, seed);
    const ResidualModel model = Model(points, Residual(family, 0.5, 20));
    const ResidualIndex exhaustive = Exhaustive(model);
    const ResidualIndex subject = fixture.Build(model);
    for (const SearchOptions options : {SearchOptions{.k = n},
                                        {.k = n, .exclude_self = true},
                                        {.k = n, .predecessor = true}}) {
      visit(subject, options, Search(exhaustive, AllRows(n), options));
    }
  }
}

TEST_P(ConformanceTest, Radius) {
  VisitConstrained(Fixture(GetParam()), KernelConfig::MATERN52, /*seed=*/12,
                   [](const ResidualIndex& subject,
                      const SearchOptions& options, const NeighborTable& all) {
                     for (const double radius : Radii(all)) {
                       SCOPED_TRACE(absl::StrCat("radius ", radius));
                       for (const int64_t k : {int64_t{7}, kConstrainedRows}) {
                         SearchOptions within = options;
                         within.k = k;
                         within.radius = radius;
                         ASSERT_THAT(
                             Search(subject, AllRows(kConstrainedRows), within),
                             MatchesExactly(Within(all, radius, k)));
                       }
                     }
                   });
}

TEST_P(ConformanceTest, AllowedRows) {
  VisitConstrained(
      Fixture(GetParam()), KernelConfig::RBF, /*seed=*/13,
      [](const ResidualIndex& subject, const SearchOptions& options,
         const NeighborTable& all) {
        // Allowed are no rows, one, a few, every other one and nearly all.
        for (const double part :
             {0.0, 1.0 / kConstrainedRows, 0.03, 0.5, 0.98}) {
          SCOPED_TRACE(absl::StrCat(part, " of the rows"));
          RandomStream stream(/*seed=*/14, /*stream=*/0);
          bool allowed[kConstrainedRows] = {};
          for (bool& flag : allowed) flag = stream.Uniform() < part;
          if (part > 0) allowed[kConstrainedRows / 3] = true;
          for (const int64_t k : {int64_t{7}, kConstrainedRows}) {
            SearchOptions some = options;
            some.k = k;
            some.allowed = allowed;
            const NeighborTable expected = Allowed(all, allowed, k);
            ASSERT_THAT(Search(subject, AllRows(kConstrainedRows), some),
                        MatchesExactly(expected));
            some.radius = all.distances()(kConstrainedRows / 2, 5);
            ASSERT_THAT(Search(subject, AllRows(kConstrainedRows), some),
                        MatchesExactly(Within(expected, some.radius, k)));
          }
        }
      });
}

TEST_P(ConformanceTest, NoInducingPoints) {
  const Fixture fixture(GetParam());
  for (const std::string& name : AdversarialNames()) {
    const Matrix<double> points = MakePoints(name, 513, 2, /*seed=*/7);
    for (const KernelConfig::Family family : kFamilies) {
      SCOPED_TRACE(absl::StrCat(name, ", ", KernelConfig::Family_Name(family)));
      ResidualConfig config = Residual(family, 0.5, 0);
      config.mutable_inducing()->mutable_none();
      const ResidualModel model = Model(points, config);
      const ResidualIndex exhaustive = Exhaustive(model);
      const ResidualIndex subject = fixture.Build(model);
      for (const SearchOptions options :
           {SearchOptions{.k = 10}, {.k = 10, .predecessor = true}}) {
        ASSERT_THAT(Search(subject, AllRows(513), options),
                    MatchesExactly(Search(exhaustive, AllRows(513), options)));
      }
    }
  }
}

TEST_P(ConformanceTest, NoPoints) {
  ResidualConfig config = Residual(KernelConfig::RBF, 1.0, 1);
  config.mutable_inducing()->mutable_coordinates()->add_value(0);
  config.mutable_inducing()->mutable_coordinates()->add_value(1);
  const ResidualModel model = Model(Matrix<double>(0, 2), config);
  const ResidualIndex subject = Fixture(GetParam()).Build(model);
  EXPECT_EQ(Search(subject, {}, {.k = 3}).num_queries(), 0);
  const Matrix<double> queries =
      MakePointSet(PointSet::kNormal, 5, 2, /*seed=*/1);
  const NeighborTable table =
      subject.SearchPoints(queries.view(), {.k = 3}).value().neighbors;
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(table.count(i), 0);
}

TEST_P(ConformanceTest, ThreadsAndBatchesChangeNothing) {
  const Fixture fixture(GetParam());
  const Matrix<double> points = MakePointSet(
      PointSet::kClusters, 1500, 3, /*seed=*/4, {.count = 20, .radius = 1e-3});
  const ResidualModel model =
      Model(points, Residual(KernelConfig::RBF, 0.4, 40));
  const std::vector<int64_t> rows = RandomRows(1500, 333, /*seed=*/6);
  const SearchOptions options = {.k = 7};
  const SearchResult once = fixture.Build(model).Search(rows, options).value();
  for (const int threads : {1, 2, 7}) {
    const ResidualIndex index = fixture.Build(model, threads);
    SearchOptions with_threads = options;
    with_threads.threads = threads;
    const SearchResult result = index.Search(rows, with_threads).value();
    EXPECT_THAT(result.neighbors, MatchesExactly(once.neighbors)) << threads;
    EXPECT_EQ(result.counters.SerializeAsString(),
              once.counters.SerializeAsString())
        << threads;
    for (size_t i = 0; i < rows.size(); i += 13) {
      const NeighborTable single = Search(index, {rows[i]}, with_threads);
      for (int64_t j = 0; j < options.k; ++j) {
        ASSERT_EQ(single.rows()(0, j), once.neighbors.rows()(i, j));
        ASSERT_EQ(single.distances()(0, j), once.neighbors.distances()(i, j));
      }
    }
  }
}

TEST_P(ConformanceTest, NewPoints) {
  const Fixture fixture(GetParam());
  for (const std::string& name : AdversarialNames()) {
    SCOPED_TRACE(name);
    const Matrix<double> points = MakePoints(name, 400, 3, /*seed=*/9);
    const ResidualModel model =
        Model(points, Residual(KernelConfig::MATERN32, 0.7, 24));
    // Queries are points of the same kind, points far away, and points of the
    // data.
    Matrix<double> queries = MakePoints(name, 70, 3, /*seed=*/10);
    queries(0, 0) += 100;
    std::copy_n(points.row(17), 3, queries.row(1));
    const NeighborTable expected = Exhaustive(model)
                                       .SearchPoints(queries.view(), {.k = 12})
                                       .value()
                                       .neighbors;
    EXPECT_THAT(fixture.Build(model)
                    .SearchPoints(queries.view(), {.k = 12})
                    .value()
                    .neighbors,
                MatchesExactly(expected));
  }
}

TEST_P(ConformanceTest, TinyResidualVariances) {
  // Inducing points all over tight clusters leave p near the jitter, and a
  // small jitter makes rounding count.
  const Fixture fixture(GetParam());
  const Matrix<double> points =
      MakePointSet(PointSet::kClusters, 1024, 3, /*seed=*/11,
                   {.count = 128, .radius = 1e-5});
  for (const double jitter : {1e-6, 1e-8}) {
    ResidualConfig config = Residual(KernelConfig::RBF, 1.0, 128);
    config.set_jitter(jitter);
    const ResidualModel model = Model(points, config);
    const std::vector<int64_t> rows = AllRows(1024);
    EXPECT_THAT(Search(fixture.Build(model), rows, {.k = 50}),
                MatchesExactly(Search(Exhaustive(model), rows, {.k = 50})))
        << "jitter " << jitter;
  }
}

}  // namespace
}  // namespace rct
