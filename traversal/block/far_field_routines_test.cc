#include "traversal/block/far_field_routines.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/isa.h"
#include "metric/lane_padding.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "metric/test_reference.h"
#include "traversal/block/far_field_bound.h"
#include "traversal/block/filter_routines.h"
#include "traversal/exhaustive/screen_routines.h"
#include "traversal/kept_routines.h"

namespace rct {
namespace {

constexpr float kSlop = 8 * kFloatRoundoff;

template <class Number = double>
AlignedBuffer<Number> Uniform(int64_t count, double low, double high,
                              uint64_t seed) {
  RandomStream random(seed, 0);
  AlignedBuffer<Number> values(count);
  for (Number& x : values) {
    x = static_cast<Number>(low + (high - low) * random.Uniform());
  }
  return values;
}

class FarFieldRoutinesTest : public testing::TestWithParam<Isa> {
 protected:
  const FarFieldRoutines& routines() const {
    return *FarFieldRoutinesFor(GetParam());
  }
  const FarFieldRoutines& scalar() const {
    return *FarFieldRoutinesFor(Isa::kScalar);
  }
};

TEST_P(FarFieldRoutinesTest, AreThoseOfTheirSet) {
  EXPECT_EQ(routines().isa, GetParam());
  EXPECT_EQ(scalar().isa, Isa::kScalar);
}

// One node: |1 - 2 0.25|, |1 - 2 1.5|, ...
TEST_P(FarFieldRoutinesTest, InterpolationErrorsOfOneNode) {
  AlignedBuffer<double> k = Uniform(8, 1, 1, 1), psi = Uniform(8, 0, 0, 1);
  psi[0] = 0.25;
  psi[3] = 1.5;
  const double node = 2;
  double error = -1;
  routines().interpolation_errors(k.data(), 8, 1, psi.data(), 8, &node, 1, 1, 8,
                                  &error);
  EXPECT_EQ(error, 2);
}

TEST_P(FarFieldRoutinesTest, InterpolationErrors) {
  for (const int rows : {1, 3, 8, 17}) {
    for (const int num_nodes : {1, 4, 25}) {
      for (const int64_t count : {8, 40}) {
        const AlignedBuffer<double> k = Uniform(rows * 48, -1, 1, 1);
        const AlignedBuffer<double> psi = Uniform(num_nodes * 56, -1, 1, 2);
        const AlignedBuffer<double> nodes = Uniform(rows * 32, -1, 1, 3);
        std::vector<double> errors(rows + 1, 7), expected(rows + 1, 7);
        routines().interpolation_errors(k.data(), 48, rows, psi.data(), 56,
                                        nodes.data(), 32, num_nodes, count,
                                        errors.data());
        scalar().interpolation_errors(k.data(), 48, rows, psi.data(), 56,
                                      nodes.data(), 32, num_nodes, count,
                                      expected.data());
        EXPECT_EQ(errors, expected);
        EXPECT_EQ(errors[rows], 7);
        for (int r = 0; r < rows; ++r) {
          long double most = 0;
          for (int64_t j = 0; j < count; ++j) {
            long double rest = k[r * 48 + j];
            for (int t = 0; t < num_nodes; ++t) {
              rest -=
                  static_cast<long double>(psi[t * 56 + j]) * nodes[r * 32 + t];
            }
            most = std::max(most, std::abs(rest));
          }
          EXPECT_NEAR(errors[r], static_cast<double>(most), 1e-14);
        }
      }
    }
  }
}

TEST_P(FarFieldRoutinesTest, PanelMaxima) {
  const AlignedBuffer<double> scale = Uniform(48, 0, 3, 1);
  for (const int rows : {0, 1, 9}) {
    const AlignedBuffer<double> values = Uniform(rows * 48 + 8, -3, 2, 2);
    for (const int64_t count : {8, 16, 24, 48}) {
      const int64_t panels = (count + 15) / 16;
      std::vector<double> maxima(rows * panels + 1, 7), expected = maxima;
      for (int r = 0; r < rows; ++r) {
        for (int64_t p = 0; p < panels; ++p) {
          expected[r * panels + p] = 0;
          for (int64_t j = 16 * p; j < std::min(count, 16 * p + 16); ++j) {
            expected[r * panels + p] =
                std::max(expected[r * panels + p],
                         scale[j] * std::abs(values[r * 48 + j]));
          }
        }
      }
      routines().panel_maxima(values.data(), 48, rows, scale.data(), count,
                              maxima.data());
      EXPECT_EQ(maxima, expected);
    }
  }
}

TEST_P(FarFieldRoutinesTest, RowMaxima) {
  for (const int rows : {0, 1, 9}) {
    for (const int64_t count : {8, 40}) {
      const AlignedBuffer<double> values = Uniform(rows * 48 + 8, -3, 2, 1);
      AlignedBuffer<double> squares = Uniform(48, 0, 1, 2);
      AlignedBuffer<double> others = Uniform(48, 0, 1, 2);
      const AlignedBuffer<double> before = Uniform(48, 0, 1, 2);
      std::vector<double> maxima(rows + 1, 7), expected(rows + 1, 7);
      routines().row_maxima(values.data(), 48, rows, count, maxima.data(),
                            squares.data());
      scalar().row_maxima(values.data(), 48, rows, count, expected.data(),
                          others.data());
      EXPECT_EQ(maxima, expected);
      EXPECT_EQ(Bits(squares.span()), Bits(others.span()));
      for (int r = 0; r < rows; ++r) {
        double most = 0;
        for (int64_t j = 0; j < count; ++j) {
          most = std::max(most, std::abs(values[r * 48 + j]));
        }
        EXPECT_EQ(maxima[r], most);
      }
      for (int64_t j = 0; j < 48; ++j) {
        long double sum = before[j];
        for (int r = 0; r < rows && j < count; ++r) {
          const long double x = values[r * 48 + j];
          sum += x * x;
        }
        EXPECT_NEAR(squares[j], static_cast<double>(sum), 1e-14);
      }
    }
  }
}

// T_1(x) T_0(y) at one grid and T_0(x) T_2(y) at the other: the only
// coefficient is 1.
TEST_P(FarFieldRoutinesTest, CoefficientSumOfChebyshevPolynomials) {
  const ChebyshevGrid grid(3, 2);
  AlignedBuffer<double> values = Uniform(16 * 16, 0, 0, 1);
  AlignedBuffer<double> scratch = Uniform(16 * 16, 9, 9, 1);
  for (int s = 0; s < 9; ++s) {
    for (int t = 0; t < 9; ++t) {
      const double y = grid.node(t, 1);
      values[s * 16 + t] = grid.node(s, 0) * (2 * y * y - 1);
    }
  }
  EXPECT_NEAR(routines().coefficient_sum(grid.transform(), 3, 2, 16,
                                         values.data(), scratch.data()),
              1, 1e-14);
}

TEST_P(FarFieldRoutinesTest, CoefficientSum) {
  for (int side = 1; side <= ChebyshevGrid::kMaxSide; ++side) {
    for (const int dim : {1, 2, 3, 5}) {
      if (std::pow(side, dim) > ChebyshevGrid::kMaxSize) continue;
      const ChebyshevGrid grid(side, dim);
      const int64_t size = grid.size();
      const int64_t stride = RoundUpToLanes(size);
      AlignedBuffer<double> values = Uniform(stride * stride, -1, 1, side);
      for (int64_t s = 0; s < stride; ++s) {
        for (int64_t t = size; t < stride; ++t) values[s * stride + t] = 0;
      }
      // Row u of the grid's own transform, all dimensions at once.
      std::vector<long double> transform(size * size, 1);
      for (int64_t u = 0; u < size; ++u) {
        for (int64_t s = 0; s < size; ++s) {
          for (int64_t c = 0, i = u, j = s; c < dim; ++c) {
            transform[u * size + s] *=
                grid.transform()[i % side * side + j % side];
            i /= side;
            j /= side;
          }
        }
      }
      std::vector<long double> half(size * size, 0);
      for (int64_t u = 0; u < size; ++u) {
        for (int64_t s = 0; s < size; ++s) {
          for (int64_t t = 0; t < size; ++t) {
            half[u * size + t] +=
                transform[u * size + s] * values[s * stride + t];
          }
        }
      }
      long double expected = 0;
      for (int64_t u = 0; u < size; ++u) {
        for (int64_t w = 0; w < size; ++w) {
          long double sum = 0;
          for (int64_t t = 0; t < size; ++t) {
            sum += transform[w * size + t] * half[u * size + t];
          }
          expected += std::abs(sum);
        }
      }
      AlignedBuffer<double> others(values.size());
      std::copy(values.begin(), values.end(), others.begin());
      AlignedBuffer<double> scratch = Uniform(values.size(), 9, 9, 1);
      const double sum = routines().coefficient_sum(
          grid.transform(), side, dim, stride, values.data(), scratch.data());
      EXPECT_NEAR(sum, static_cast<double>(expected), 1e-13 * sum);
      EXPECT_EQ(scalar().coefficient_sum(grid.transform(), side, dim, stride,
                                         others.data(), scratch.data()),
                sum);
    }
  }
}

TEST_P(FarFieldRoutinesTest, RestSquares) {
  for (const int count : {1, 7, 8, 13}) {
    for (const int rank : {0, 1, 9}) {
      for (const int64_t terms : {8, 40}) {
        const AlignedBuffer<double> v = Uniform(count * 48, -1, 1, 1);
        const AlignedBuffer<double> a = Uniform(count * 11 + 1, -1, 1, 2);
        const AlignedBuffer<double> basis = Uniform(rank * 56 + 8, -1, 1, 3);
        std::vector<const double*> rows(count);
        for (int j = 0; j < count; ++j) rows[j] = v.data() + j * 48;
        std::vector<double> squares(count), expected(count);
        routines().rest_squares(rows.data(), count, 0.5, a.data(), 11,
                                basis.data(), 56, rank, terms, squares.data());
        scalar().rest_squares(rows.data(), count, 0.5, a.data(), 11,
                              basis.data(), 56, rank, terms, expected.data());
        EXPECT_EQ(squares, expected);
        for (int j = 0; j < count; ++j) {
          long double sum = 0;
          for (int64_t c = 0; c < terms; ++c) {
            long double rest = 0.5L * v[j * 48 + c];
            for (int i = 0; i < rank; ++i) {
              rest -=
                  static_cast<long double>(a[j * 11 + i]) * basis[i * 56 + c];
            }
            sum += rest * rest;
          }
          EXPECT_NEAR(squares[j], static_cast<double>(sum), 1e-13);
        }
      }
    }
  }
}

TEST_P(FarFieldRoutinesTest, Product) {
  for (const int64_t count : {0, 16, 32, 256}) {
    const AlignedBuffer<float> a = Uniform<float>(count + 16, 0, 1, 1);
    const AlignedBuffer<float> b = Uniform<float>(count + 16, 0, 1, 2);
    const float product = routines().product(a.data(), b.data(), count);
    EXPECT_EQ(product, scalar().product(a.data(), b.data(), count));
    double expected = 0;
    for (int64_t i = 0; i < count; ++i) {
      expected += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    const double roundings = static_cast<double>(count) / 16 + 16;
    EXPECT_NEAR(product, expected, roundings * kFloatRoundoff * expected);
  }
}

TEST_P(FarFieldRoutinesTest, Table) {
  for (const int a_rank : {0, 1, 7, 17}) {
    for (const int64_t b_width : {16, 32, 48}) {
      for (const int64_t terms : {0, 1, 41, 64}) {
        const auto a = Uniform<float>(terms * 24 + 8, -1, 1, 1);
        const auto b = Uniform<float>(terms * b_width + 8, -1, 1, 2);
        std::vector<float> table(a_rank * b_width + 1, 7);
        std::vector<float> expected(table);
        routines().table(a.data(), 24, a_rank, b.data(), b_width, terms,
                         table.data());
        scalar().table(a.data(), 24, a_rank, b.data(), b_width, terms,
                       expected.data());
        EXPECT_EQ(table, expected);
        EXPECT_EQ(table.back(), 7);
        for (int j = 0; j < a_rank; ++j) {
          for (int64_t i = 0; i < b_width; ++i) {
            double sum = 0, sizes = 0;
            for (int64_t c = 0; c < terms; ++c) {
              const double term = double{a[c * 24 + j]} * b[c * b_width + i];
              sum += term;
              sizes += std::abs(term);
            }
            EXPECT_NEAR(table[j * b_width + i], sum,
                        sizes * kFloatRoundoff * (kTableChain + 3));
          }
        }
      }
    }
  }
}

TEST_P(FarFieldRoutinesTest, SizeSums) {
  for (const int terms : {1, 2, 8, 15, 20}) {
    const auto table = Uniform<float>(terms * terms, -1, 1, 1);
    const auto t = Uniform<float>(terms * kFarPanel, -1, 1, 2);
    alignas(64) float sums[kFarPanel], expected[kFarPanel];
    routines().size_sums(table.data(), terms, t.data(), sums);
    scalar().size_sums(table.data(), terms, t.data(), expected);
    for (int l = 0; l < kFarPanel; ++l) {
      EXPECT_EQ(sums[l], expected[l]);
      double total = 0;
      for (int w = 0; w < terms; ++w) {
        double sum = 0;
        for (int u = 0; u < terms; ++u) {
          sum += double{table[w * terms + u]} * t[u * kFarPanel + l];
        }
        total += std::abs(sum);
      }
      EXPECT_NEAR(sums[l], total, 1e-6 * terms * terms);
    }
  }
}

// A block of points and sixteen queries.
struct Scene {
  static constexpr int kPanels = 7;
  static constexpr int kPoints = kPanels * kFarPanel;
  static constexpr int kPadding = 5;
  static constexpr int kLimit = 60;  // of every other query

  Scene(KernelFamily family, int dim, int rank, uint64_t seed)
      : covariance{family, dim, 1.5f},
        rank(rank),
        y(Uniform<float>(rank * kFarPanel + 16, -0.5, 0.5, seed)),
        z(Uniform<float>(dim * kFarPanel, 0, 2, seed + 1)),
        length(Uniform<float>(kFarPanel, 0, 0.1, seed + 2)),
        rest(Uniform<float>(kFarPanel, 1e-5, 0.1, seed + 3)),
        reach(Uniform<float>(kFarPanel, 0, 2, seed + 4)),
        ball_reach(Uniform<float>(kFarPanel, 0, 2, seed + 11)),
        ball_turn(Uniform<float>(kFarPanel, 0, 0.5, seed + 12)),
        scale(Uniform<float>(kFarPanel, 1, 3, seed + 5)),
        a(Uniform<float>(rank * kPoints + 16, -0.5, 0.5, seed + 6)),
        point_z(Uniform<float>(dim * kPoints, 0, 2, seed + 7)),
        point_length(Uniform<float>(kPoints, 0, 1, seed + 8)),
        error(Uniform<float>(kPoints, 0, 0.1, seed + 9)),
        root(Uniform<float>(kPoints, 0.1, 1, seed + 10)),
        point_scale(kPoints),
        row(kPoints),
        row_limit(kFarPanel, kNoRow),
        self(kFarPanel, -1),
        most(kFarPanel, HUGE_VALF),
        min_root(kPanels),
        min_row(kPanels, kNoRow) {
    reach[3] = -1;     // a query that has no theta yet
    point_z[5] = 300;  // a point that is out of reach
    for (int j = 0; j < kPoints; ++j) {
      // The last two panels hold later rows than some queries count.
      row[j] = j < kPoints - 2 * kFarPanel ? j * 37 % 80 : 80 + j;
      point_scale[j] = 1 / root[j];
    }
    for (int j = kPoints - kPadding; j < kPoints; ++j) {
      row[j] = kNoRow;
      root[j] = error[j] = point_length[j] = point_scale[j] = 0;
    }
    for (int p = 0; p < kPanels; ++p) {
      min_root[p] = HUGE_VALF;
      for (int j = p * kFarPanel; j < (p + 1) * kFarPanel; ++j) {
        if (row[j] == kNoRow) continue;
        min_root[p] = std::min(min_root[p], root[j]);
        min_row[p] = std::min(min_row[p], row[j]);
      }
    }
    for (int l = 0; l < kFarPanel; l += 2) row_limit[l] = kLimit;
    for (int l = 0; l < kFarPanel; l += 3) self[l] = row[5 * l];
  }

  FarQueries queries() const {
    return {y.data(),     z.data(),          length.data(),    rest.data(),
            reach.data(), ball_reach.data(), ball_turn.data(), most.data(),
            scale.data(), row_limit.data(),  self.data()};
  }
  FarPoints points() const {
    return {
        a.data(),        rank,          point_z.data(),     point_length.data(),
        error.data(),    root.data(),   point_scale.data(), row.data(),
        min_root.data(), min_row.data()};
  }

  // Balls whose centers are the points of panel 0, and whose radii have the
  // numbers of panels 1 and 2.
  FarBalls balls() const {
    return {a.data(),
            rank,
            point_z.data(),
            point_length.data(),
            error.data(),
            root.data() + kFarPanel,
            point_scale.data() + 2 * kFarPanel};
  }

  // |k - y . a| of a query and a point.
  double Size(int l, int j) const {
    const int panel = j / kFarPanel;
    const int lane = j % kFarPanel;
    std::vector<double> from(covariance.dim), to(covariance.dim);
    const std::vector<double> ones(covariance.dim, 1.0);
    for (int t = 0; t < covariance.dim; ++t) {
      from[t] = z[t * kFarPanel + l];
      to[t] = point_z[(panel * covariance.dim + t) * kFarPanel + lane];
    }
    double size = static_cast<double>(ReferenceCovariance(
        {covariance.family, covariance.dim, covariance.variance, ones.data()},
        from.data(), to.data()));
    for (int i = 0; i < rank; ++i) {
      size -= static_cast<double>(y[i * kFarPanel + l]) *
              a[(panel * rank + i) * kFarPanel + lane];
    }
    return std::abs(size);
  }
  double Error(int l, int j) const {
    return static_cast<double>(length[l]) * point_length[j] + rest[l] +
           error[j];
  }
  // Whether the query looks at a panel.
  bool Looks(int l, int p) const {
    return row_limit[l] > min_row[p] && most[l] >= reach[l] * min_root[p];
  }

  ScreenCovariance covariance;
  int rank;
  AlignedBuffer<float> y, z, length, rest, reach, ball_reach, ball_turn, scale;
  AlignedBuffer<float> a, point_z, point_length, error, root, point_scale;
  AlignedBuffer<int32_t> row;
  std::vector<int32_t> row_limit, self;
  std::vector<float> most, min_root;
  std::vector<int32_t> min_row;
};

// What the sixteen queries of a scene keep.
struct Kept {
  Kept() : upper(kFarPanel), lower(kFarPanel), row(kFarPanel) {
    for (int l = 0; l < kFarPanel; ++l) {
      upper[l].resize(Scene::kPoints + kKeptPadding);
      lower[l].resize(Scene::kPoints + kKeptPadding);
      row[l].resize(Scene::kPoints + kKeptPadding);
      lists.push_back({upper[l].data(), lower[l].data(), row[l].data(), 0, 0});
    }
  }

  // The bits of all that is kept.
  std::string All() const {
    std::string all;
    for (const KeptList& list : lists) {
      const size_t bytes = list.size * sizeof(float);
      all += std::to_string(list.size) + " " + std::to_string(list.filtered);
      all.append(reinterpret_cast<const char*>(list.upper), bytes);
      all.append(reinterpret_cast<const char*>(list.lower), bytes);
      all.append(reinterpret_cast<const char*>(list.row), bytes);
    }
    return all;
  }

  std::vector<std::vector<float>> upper, lower;
  std::vector<std::vector<int32_t>> row;
  std::vector<KeptList> lists;
};

// Keeps what `lanes` want of `num_panels` panels of a scene.
int KeepPoints(const FarFieldRoutines& routines, const Scene& scene,
               uint32_t lanes, const FarPoints& points, int num_panels,
               Kept& kept) {
  std::vector<uint32_t> wanted(num_panels);
  routines.wanted_panels(scene.queries(), lanes, points, num_panels,
                         wanted.data());
  return routines.keep_points(scene.covariance, scene.queries(), wanted.data(),
                              points, num_panels, kSlop, kept.lists.data());
}

// Expects what query l of a scene must keep of the panels from `first` on;
// either way where rounding decides.
void ExpectKept(const Scene& scene, int l, int first, const KeptList& list) {
  int next = 0;
  int64_t filtered = 0;
  int64_t unsure = 0;
  for (int j = first * kFarPanel; j < Scene::kPoints; ++j) {
    if (!scene.Looks(l, j / kFarPanel)) continue;
    const int32_t row = scene.row[j];
    if (row == kNoRow || row == scene.self[l]) continue;
    const double size = scene.Size(l, j);
    const double error = scene.Error(l, j);
    const double over = size + error - scene.reach[l] * scene.root[j];
    if (over < -5e-6) continue;
    const bool found = next < list.size && list.row[next] == row;
    if (row >= scene.row_limit[l]) {
      EXPECT_FALSE(found);
      (over < 5e-6 ? unsure : filtered) += 1;
      continue;
    }
    if (over < 5e-6 && !found) continue;
    ASSERT_TRUE(found) << row;
    const double scales =
        static_cast<double>(scene.scale[l]) * scene.point_scale[j];
    // The float32 covariance is within 5e-6, and rest is above 1e-5.
    EXPECT_GE(list.upper[next], size * scales);
    EXPECT_LE(list.lower[next], size * scales);
    EXPECT_NEAR(list.upper[next], (size + error) * scales, 1e-5 * scales);
    EXPECT_NEAR(list.lower[next], (size - error) * scales, 1e-5 * scales);
    ++next;
  }
  EXPECT_EQ(next, list.size);
  EXPECT_GE(list.filtered, filtered);
  EXPECT_LE(list.filtered, filtered + unsure);
}

TEST_P(FarFieldRoutinesTest, KeepsThePointsThatReachTheta) {
  int64_t kept_in_all = 0, filtered_in_all = 0, tested_in_all = 0;
  for (const KernelFamily family : kAllFamilies) {
    for (const int dim : {1, 2, 3, 5}) {
      for (const int rank : {0, 1, 8, 13}) {
        Scene scene(family, dim, rank, 100 * dim + rank);
        for (const uint32_t lanes : {0xffffu, 0x0010u, 0x8421u, 0xfefeu, 0u}) {
          for (const float most : {HUGE_VALF, 0.2f}) {
            std::fill(scene.most.begin(), scene.most.end(), most);
            for (const int first : {0, 3}) {
              SCOPED_TRACE(testing::Message() << dim << " " << rank << " "
                                              << lanes << " " << most);
              Kept kept, expected;
              const FarPoints points = scene.points().From(first, dim);
              const int panels = Scene::kPanels - first;
              const int tested =
                  KeepPoints(routines(), scene, lanes, points, panels, kept);
              KeepPoints(scalar(), scene, lanes, points, panels, expected);
              EXPECT_EQ(kept.All(), expected.All());
              int looks = 0;
              for (int l = 0; l < kFarPanel; ++l) {
                const KeptList& list = kept.lists[l];
                if ((lanes >> l & 1) == 0) {
                  EXPECT_EQ(list.size + list.filtered, 0);
                  continue;
                }
                for (int p = first; p < Scene::kPanels; ++p) {
                  looks += static_cast<int>(scene.Looks(l, p));
                }
                ExpectKept(scene, l, first, list);
                kept_in_all += list.size;
                filtered_in_all += list.filtered;
              }
              EXPECT_EQ(tested, looks);
              tested_in_all += tested;
            }
          }
        }
      }
    }
  }
  EXPECT_GT(kept_in_all, 1000);
  EXPECT_GT(filtered_in_all, 1000);
  EXPECT_LT(kept_in_all, 12 * tested_in_all);
}

// A query that wants everything gets all points, and padding counts nowhere.
TEST_P(FarFieldRoutinesTest, PaddingIsNeitherKeptNorFiltered) {
  Scene scene(KernelFamily::kMatern12, 2, 3, 1);
  for (int l = 0; l < kFarPanel; ++l) {
    scene.reach[l] = -1;
    scene.row_limit[l] = kNoRow;
    scene.self[l] = -1;
  }
  Kept kept;
  EXPECT_EQ(KeepPoints(routines(), scene, 0xffff, scene.points(),
                       Scene::kPanels, kept),
            16 * Scene::kPanels);
  for (const KeptList& list : kept.lists) {
    EXPECT_EQ(list.size, Scene::kPoints - Scene::kPadding);
    EXPECT_EQ(list.filtered, 0);
  }
}

// A panel that `most` does not dismiss by an exact tie, and one that it does.
TEST_P(FarFieldRoutinesTest, MostDismissesBelowThetaOnly) {
  Scene scene(KernelFamily::kRbf, 1, 1, 2);
  std::fill(scene.reach.begin(), scene.reach.end(), 0.5f);
  std::fill(scene.most.begin(), scene.most.end(), 0.25f);
  std::fill(scene.row_limit.begin(), scene.row_limit.end(), kNoRow);
  scene.min_root = {0.5f, 0.5000001f, 1, 1, 1, 1, 0.25f};
  Kept kept;
  EXPECT_EQ(KeepPoints(routines(), scene, 0xffff, scene.points(),
                       Scene::kPanels, kept),
            2 * 16);
}

// Every other query wants all of sixteen panels, and the first four two.
TEST_P(FarFieldRoutinesTest, SkipsPanelsByTheirBalls) {
  int64_t left = 0, skipped = 0;
  for (const KernelFamily family : kAllFamilies) {
    for (const int dim : {1, 3}) {
      for (const int rank : {0, 1, 13}) {
        const Scene scene(family, dim, rank, 100 * dim + rank);
        const FarBalls balls = scene.balls();
        for (const int num_panels : {1, 7, 16}) {
          std::vector<uint32_t> wanted(num_panels, 0x5550);
          for (int p = 0; p < std::min(2, num_panels); ++p) wanted[p] = 0x555f;
          const std::vector<uint32_t> before = wanted;
          std::vector<uint32_t> expected = wanted;
          const int tested =
              routines().skip_balls(scene.covariance, scene.queries(), balls,
                                    num_panels, wanted.data());
          EXPECT_EQ(tested, num_panels < kFarBallPanels ? 0 : 6);
          scalar().skip_balls(scene.covariance, scene.queries(), balls,
                              num_panels, expected.data());
          EXPECT_EQ(wanted, expected);
          if (tested == 0) {
            EXPECT_EQ(wanted, before);
          }
          for (int p = 0; p < num_panels && tested > 0; ++p) {
            EXPECT_EQ(wanted[p] & 0xf, before[p] & 0xf);
            for (int l = 4; l < kFarPanel; l += 2) {
              const double over =
                  scene.Size(l, p) + scene.Error(l, p) -
                  double{scene.ball_reach[l]} * balls.cosine[p] +
                  double{scene.ball_turn[l]} * balls.sine[p];
              const bool wants = (wanted[p] >> l & 1) != 0;
              if (std::abs(over) > 1e-5) {
                EXPECT_EQ(wants, over > 0);
              }
              ++(wants ? left : skipped);
            }
          }
        }
      }
    }
  }
  EXPECT_GT(left, 300);
  EXPECT_GT(skipped, 300);
}

INSTANTIATE_TEST_SUITE_P(Isas, FarFieldRoutinesTest,
                         testing::ValuesIn(AvailableIsas()),
                         [](const auto& info) {
                           return std::string(IsaName(info.param));
                         });

}  // namespace
}  // namespace rct
