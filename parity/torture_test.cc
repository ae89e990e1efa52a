// Numerical torture: points, lengthscales, variances and models at which
// arithmetic breaks, each with three answers beside each other. Every strategy
// must agree with exhaustive search bit for bit, and exhaustive search with the
// oracle within TortureError; or the model must be refused, with an error that
// says what is wrong.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/euclidean_index.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "metric/residual_points.h"
#include "metric/test_data.h"
#include "parity/gate_matchers.h"
#include "parity/oracle.h"
#include "traversal/neighbor_table.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr KernelConfig::Family kFamilies[] = {
    KernelConfig::RBF, KernelConfig::MATERN12, KernelConfig::MATERN32,
    KernelConfig::MATERN52};

// One kind of torture.
struct Torture {
  std::string name = {};
  Matrix<double> (*points)();
  double lengthscale = 1;
  double variance = 1;
  double jitter = 1e-6;
  double floor = 1e-9;
  int64_t inducing = 16;
  bool twice = false;  // each inducing point is there twice
};

void PrintTo(const Torture& torture, std::ostream* os) { *os << torture.name; }

// The bound on the difference between a squared distance t of the library and
// the oracle's, but for the factor 1 / p_i + 1 / p_j: the error of a residual
// covariance. That of the conformance suite holds for a jitter of 1e-6 of a
// variance of 1 (parity/conformance.h); roundings are in units of the variance,
// and are amplified by up to 1 / jitter.
double TortureError(const Torture& torture) {
  return 2e-12 * torture.variance * std::max(1.0, 1e-6 / torture.jitter);
}

Matrix<double> Moved(Matrix<double> points, double scale, double offset) {
  for (int64_t i = 0; i < points.rows(); ++i) {
    for (int64_t t = 0; t < points.cols(); ++t) {
      points(i, t) = points(i, t) * scale + offset;
    }
  }
  return points;
}

Matrix<double> Clusters(double radius) {
  Matrix<double> points = MakePoints("normal", 300, 2, /*seed=*/3);
  for (int64_t i = 10; i < 300; ++i) {
    for (int64_t t = 0; t < 2; ++t) {
      points(i, t) = points(i % 10, t) + radius * points(i, t);
    }
  }
  return points;
}

// A lattice of 20 x 15 places, each there twice.
Matrix<double> Lattice() {
  Matrix<double> points(600, 2);
  for (int64_t i = 0; i < 600; ++i) {
    points(i, 0) = static_cast<double>(i % 20) / 16;
    points(i, 1) = static_cast<double>((i / 20) % 15) / 16;
  }
  return points;
}

std::vector<Torture> Tortures() {
  const auto normal = +[] { return MakePoints("normal", 300, 2, /*seed=*/1); };
  const auto metres =
      +[] { return Moved(MakePoints("cube", 300, 2, 1), 1e5, 1e8); };
  std::vector<Torture> tortures = {
      {"normal", normal},
      {"thousands_of_duplicates",
       +[] { return MakePoints("pairs", 2100, 2, 1); }},
      {"all_points_equal", +[] { return MakePoints("duplicates", 500, 3, 1); }},
      {"collinear", +[] { return MakePoints("collinear", 400, 3, 1); }},
      {"collinear_short", +[] { return MakePoints("collinear", 400, 3, 1); },
       1e-2},
      {"lattice", +[] { return Lattice(); }},
      {"lattice_short", +[] { return Lattice(); }, 0.1},
      {"clusters_1e_12", +[] { return Clusters(1e-12); }},
      {"clusters_1e_16", +[] { return Clusters(1e-16); }},
      {"projected_metres", metres, 1e4},
      {"projected_metres_short", metres, 1.0},
      {"coordinates_1e_300",
       +[] { return Moved(MakePoints("normal", 300, 2, 1), 1e-300, 0); },
       1e-300},
      {"coordinates_1e300",
       +[] { return Moved(MakePoints("normal", 300, 2, 1), 1e300, 0); }, 1e300},
      {"every_row_inducing", normal, 1, 1, 1e-6, 1e-9, 300},
      {"every_row_inducing_of_few_places",
       +[] { return MakePoints("pairs", 200, 2, 1); }, 1, 1, 1e-6, 1e-9, 200},
      {"every_place_twice", normal, 1, 1, 1e-6, 1e-9, 20, true},
      {"all_at_the_floor", normal, 1, 1, 1e-6, 1.5},
      {"half_at_the_floor", normal, 1, 1, 1e-6, 1e-3},
      {"small_jitter", normal, 1, 1, 1e-10},
      {"jitter_below_the_proofs", normal, 0.3, 1, 1e-15},
      {"large_jitter", normal, 1, 1, 10},
  };
  for (const int exponent : {-6, -3, 3, 6}) {
    tortures.push_back({absl::StrCat("lengthscale_1e", exponent), normal,
                        std::pow(10.0, exponent)});
  }
  for (const int exponent : {-290, -12, 12, 290}) {
    tortures.push_back({absl::StrCat("variance_1e", exponent), normal, 1,
                        std::pow(10.0, exponent)});
  }
  for (Torture& torture : tortures) {
    torture.name = absl::StrReplaceAll(torture.name, {{"-", "_"}});
  }
  return tortures;
}

ResidualConfig ConfigOf(const Torture& torture, KernelConfig::Family family,
                        const Matrix<double>& points) {
  ResidualConfig config;
  config.mutable_kernel()->set_family(family);
  config.mutable_kernel()->add_lengthscale(torture.lengthscale);
  config.mutable_kernel()->set_variance(torture.variance);
  config.set_jitter(torture.jitter);
  config.set_variance_floor(torture.floor);
  if (!torture.twice) {
    config.mutable_inducing()->mutable_random()->set_count(torture.inducing);
    return config;
  }
  auto& value =
      *config.mutable_inducing()->mutable_coordinates()->mutable_value();
  for (int64_t i = 0; i < 2 * torture.inducing; ++i) {
    const double* row = points.row(i % torture.inducing);
    value.Add(row, row + points.cols());
  }
  return config;
}

IndexOptions Make(Strategy strategy) {
  IndexOptions options;
  options.set_strategy(strategy);
  options.set_threads(1);
  return options;
}

// Every strategy, with what it can be told that decides what it dismisses.
std::vector<IndexOptions> Strategies() {
  std::vector<IndexOptions> all;
  for (const auto strategy : {LEVEL_SYNCHRONOUS, BEST_FIRST}) {
    for (const auto structure :
         {CoverTreeConfig::RESIDUAL, CoverTreeConfig::STATIC}) {
      IndexOptions& options = all.emplace_back(Make(strategy));
      options.mutable_tree()->set_structure(structure);
      options.mutable_heuristics()->mutable_child_order();
      if (structure == CoverTreeConfig::STATIC) {
        options.mutable_heuristics()->mutable_level_cache();
      }
    }
  }
  all.push_back(Make(BLOCK));
  for (const auto form :
       {SkeletonBoundConfig::TABLES, SkeletonBoundConfig::PROJECTIONS}) {
    all.push_back(Make(BLOCK));
    auto& bound = *all.back().mutable_heuristics()->mutable_skeleton_bound();
    bound.set_form(form);
    bound.set_block_size(32);
  }
  all.push_back(Make(BLOCK));
  all.back().mutable_heuristics()->mutable_far_field()->set_block_size(32);
  all.push_back(Make(EXHAUSTIVE));
  all.back().mutable_heuristics()->mutable_float_screen();
  return all;
}

std::vector<int64_t> AllRows(int64_t n) {
  std::vector<int64_t> rows(n);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// Expects that every strategy agrees with exhaustive search, or refuses the
// model where its bounds are not proven.
void ExpectStrategiesAgree(const ResidualModel& model,
                           absl::Span<const int64_t> ks) {
  const ResidualIndex exhaustive =
      ResidualIndex::Build(model, Make(EXHAUSTIVE)).value();
  // All rows of a few hundred, and a sample of more.
  std::vector<int64_t> rows =
      AllRows(std::min<int64_t>(exhaustive.size(), 300));
  for (int64_t row = 300; row < exhaustive.size(); row += 29) {
    rows.push_back(row);
  }
  const bool proven = model.metric()->rounding()->Validate().ok();
  for (const IndexOptions& options : Strategies()) {
    SCOPED_TRACE(options.ShortDebugString());
    const auto index = ResidualIndex::Build(model, options);
    if (!proven && options.strategy() != EXHAUSTIVE) {
      EXPECT_THAT(index.status(),
                  StatusIs(absl::StatusCode::kFailedPrecondition,
                           HasSubstr("raise the jitter")));
      continue;
    }
    ASSERT_THAT(index.status(), IsOk());
    for (const int64_t k : ks) {
      for (const bool predecessor : {false, true}) {
        const SearchOptions call = {.k = k, .predecessor = predecessor};
        ASSERT_THAT(index->Search(rows, call)->neighbors,
                    MatchesExactly(exhaustive.Search(rows, call)->neighbors))
            << "k = " << k << (predecessor ? ", predecessors" : "");
      }
    }
  }
}

class TortureTest : public testing::TestWithParam<Torture> {};

TEST_P(TortureTest, AgreesWithExhaustiveSearchAndTheOracle) {
  const Torture& torture = GetParam();
  const Matrix<double> points = torture.points();
  const int64_t n = points.rows();
  double worst = 0;
  for (const KernelConfig::Family family : kFamilies) {
    SCOPED_TRACE(KernelConfig::Family_Name(family));
    const ResidualConfig config = ConfigOf(torture, family, points);
    const auto model =
        ResidualModel::Create(points.view(), config, /*threads=*/1);
    ASSERT_THAT(model.status(), IsOk());
    ExpectStrategiesAgree(*model, {1, 10, 70});
    const auto oracle = OracleProblem::Residual(
        points.view(), config.kernel(),
        model->factor()->inducing().coordinates.view(), config.jitter(),
        config.variance_floor(), /*num_threads=*/1);
    ASSERT_THAT(oracle.status(), IsOk());
    const ResidualIndex exhaustive =
        ResidualIndex::Build(*model, Make(EXHAUSTIVE)).value();
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < n; i += n / 13) rows.push_back(i);
    const NeighborTable all =
        exhaustive.Search(rows, {.k = n}).value().neighbors;
    for (int64_t i = 0; i < all.num_queries(); ++i) {
      ASSERT_EQ(all.count(i), n);
      for (int64_t j = 0; j < n; ++j) {
        const int64_t row = all.rows()(i, j);
        const double distance = all.distances()(i, j);
        const long double expected = oracle->Distance(rows[i], row);
        const auto error = static_cast<double>(
            std::abs(distance * distance - expected * expected));
        const double unit =
            TortureError(torture) *
                static_cast<double>(1 / oracle->ResidualVariance(rows[i]) +
                                    1 / oracle->ResidualVariance(row)) +
            0x1p-51;
        worst = std::max(worst, error / unit);
        ASSERT_LE(error, unit) << "rows " << rows[i] << " and " << row;
      }
    }
  }
  RecordProperty("share_of_bound", absl::StrCat(worst));
}

INSTANTIATE_TEST_SUITE_P(Kinds, TortureTest, testing::ValuesIn(Tortures()),
                         [](const auto& info) { return info.param.name; });

TEST(TortureSizesTest, EveryK) {
  constexpr int64_t n = 40;
  for (const char* name : {"normal", "pairs", "grid"}) {
    SCOPED_TRACE(name);
    const Matrix<double> points = MakePoints(name, n, 2, /*seed=*/1);
    const ResidualConfig config = ConfigOf({.points = nullptr, .inducing = 10},
                                           KernelConfig::MATERN32, points);
    std::vector<int64_t> ks(n + 2);
    std::iota(ks.begin(), ks.end(), 1);
    ExpectStrategiesAgree(
        ResidualModel::Create(points.view(), config, 1).value(), ks);
  }
}

TEST(TortureSizesTest, EveryDimension) {
  for (int64_t dim = 1; dim <= 100; ++dim) {
    SCOPED_TRACE(dim);
    const Matrix<double> points = MakePoints("normal", 80, dim, /*seed=*/1);
    ResidualConfig config =
        ConfigOf({.points = nullptr,
                  .lengthscale = std::sqrt(static_cast<double>(dim)),
                  .inducing = 10},
                 kFamilies[dim % 4], points);
    ExpectStrategiesAgree(
        ResidualModel::Create(points.view(), config, 1).value(), {1, 7});
  }
}

ResidualConfig Plain(const Matrix<double>& points) {
  return ConfigOf({.points = nullptr, .inducing = 10}, KernelConfig::RBF,
                  points);
}

// The error names the pivot and a jitter, and that jitter does.
TEST(TortureErrorsTest, JitterTooSmall) {
  for (const double jitter : {1e-30, 1e-18}) {
    for (const double variance : {1e-12, 1.0, 1e12}) {
      const Matrix<double> points = MakePoints("duplicates", 40, 2, 1);
      ResidualConfig config = Plain(points);
      config.mutable_kernel()->set_variance(variance);
      config.set_jitter(jitter);
      const absl::Status status =
          ResidualModel::Create(points.view(), config, 1).status();
      ASSERT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                                   AllOf(HasSubstr("inducing point "),
                                         HasSubstr("(pivot "))));
      const std::string message(status.message());
      const size_t place = message.find("a jitter of ");
      ASSERT_NE(place, std::string::npos) << message;
      config.set_jitter(std::stod(message.substr(place + 12)));
      const auto model = ResidualModel::Create(points.view(), config, 1);
      ASSERT_THAT(model.status(), IsOk());
      EXPECT_THAT(model->metric()->rounding()->Validate(), IsOk());
    }
  }
}

TEST(TortureErrorsTest, NumbersThatAreNone) {
  const Matrix<double> points = MakePoints("normal", 40, 2, /*seed=*/1);
  ResidualConfig config = Plain(points);
  const ResidualModel model =
      ResidualModel::Create(points.view(), config, 1).value();
  const ResidualIndex index =
      ResidualIndex::Build(model, Make(EXHAUSTIVE)).value();
  for (const double bad : {kNan, kInfinity, -kInfinity}) {
    const auto place =
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(HasSubstr("row 3"),
                       HasSubstr(absl::StrCat("column 1 is ", bad))));
    Matrix<double> broken = points.Clone();
    broken(3, 1) = bad;
    EXPECT_THAT(ResidualModel::Create(broken.view(), config, 1).status(),
                place);
    EXPECT_THAT(EuclideanIndex::Build(broken.view()).status(), place);
    EXPECT_THAT(index.Append(broken.view()).status(), place);
    EXPECT_THAT(index.SearchPoints(broken.view(), {}).status(), place);
    EXPECT_THAT(index.RangeSearchPoints(broken.view(), 1, {}).status(), place);
    const ResidualPoints& data = model.metric()->data();
    Matrix<double> v = Matrix<double>::Copy(data.v.view());
    v(3, 1) = bad;
    const absl::Span<const double> variance(data.variance.data(), data.size());
    EXPECT_THAT(ResidualModel::FromFactors(points.view(), config.kernel(),
                                           v.view(), variance)
                    .status(),
                place);
    ResidualConfig given = config;
    auto& value =
        *given.mutable_inducing()->mutable_coordinates()->mutable_value();
    value.Add(broken.data(), broken.data() + 10);
    EXPECT_THAT(ResidualModel::Create(points.view(), given, 1).status(), place);
  }
}

// V and p of one kernel under another, in other units or in another order.
TEST(TortureErrorsTest, FactorsThatContradictEachOther) {
  const Matrix<double> points = MakePoints("normal", 200, 2, /*seed=*/1);
  ResidualConfig config = Plain(points);
  config.mutable_inducing()->mutable_random()->set_count(60);
  const ResidualModel model =
      ResidualModel::Create(points.view(), config, 1).value();
  const ResidualPoints& data = model.metric()->data();
  const auto status_of = [&](const KernelConfig& kernel, double scale_of_v,
                             double scale_of_p, int64_t shift) {
    Matrix<double> v(200, data.v.cols());
    std::vector<double> p(200);
    for (int64_t i = 0; i < 200; ++i) {
      for (int64_t t = 0; t < v.cols(); ++t) {
        v(i, t) = scale_of_v * data.v((i + shift) % 200, t);
      }
      p[i] = scale_of_p * data.variance[i];
    }
    return ResidualModel::FromFactors(points.view(), kernel, v.view(), p)
        .status();
  };
  const KernelConfig& kernel = config.kernel();
  ASSERT_THAT(status_of(kernel, 1, 1, 0), IsOk());
  KernelConfig larger = kernel, longer = kernel;
  larger.set_variance(4);
  longer.set_lengthscale(0, 3);
  const auto refused =
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("factors: "), HasSubstr("row")));
  EXPECT_THAT(status_of(kernel, 1.1, 1, 0), refused);
  EXPECT_THAT(status_of(kernel, 1, 1e-6, 0), refused);
  EXPECT_THAT(status_of(kernel, 1, 1, 7), refused);
  EXPECT_THAT(status_of(larger, 1, 1, 0), refused);
  EXPECT_THAT(status_of(longer, 1, 1, 0), refused);
}

}  // namespace
}  // namespace rct
