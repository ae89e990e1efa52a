#include "traversal/block/filter_routines.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/isa.h"
#include "metric/rounding.h"
#include "traversal/kept_routines.h"

namespace rct {
namespace {

std::vector<float> Uniform(int64_t count, double low, double high,
                           uint64_t seed) {
  RandomStream random(seed, 0);
  std::vector<float> values(count);
  for (float& x : values) {
    x = static_cast<float>(low + (high - low) * random.Uniform());
  }
  return values;
}

class FilterRoutinesTest : public testing::TestWithParam<Isa> {
 protected:
  const FilterRoutines& routines() const {
    return *FilterRoutinesFor(GetParam());
  }
  const FilterRoutines& scalar() const {
    return *FilterRoutinesFor(Isa::kScalar);
  }
};

TEST_P(FilterRoutinesTest, Eliminates) {
  for (const int terms : {0, 1, 5, 40}) {
    RandomStream random(terms, 1);
    std::vector<double> w(terms * 24), factor(terms), column(24);
    for (double& x : w) x = random.Normal();
    for (double& x : factor) x = random.Normal();
    for (double& x : column) x = random.Normal();
    std::vector<double> expected = column;
    for (int j = 0; j < 16; ++j) {
      for (int c = 0; c < terms; ++c) {
        expected[j] = std::fma(-factor[c], w[c * 24 + j], expected[j]);
      }
    }
    routines().eliminate(w.data(), 24, terms, factor.data(), 16, column.data());
    EXPECT_EQ(column, expected);
  }
}

TEST_P(FilterRoutinesTest, ProjectsByRowsAndByColumns) {
  for (const int rows : {1, 7, 8, 9, 41}) {
    for (const int columns : {1, 12, 33}) {
      const std::vector<float> table = Uniform(rows * columns, -1, 1, 1);
      const std::vector<float> w = Uniform(columns * kPanel, -1, 1, 2);
      for (const bool by_rows : {false, true}) {
        const int64_t row_stride = by_rows ? columns : 1;
        const int64_t column_stride = by_rows ? 1 : rows;
        std::vector<float> y(rows * kPanel), expected(rows * kPanel);
        float length[kPanel], expected_length[kPanel];
        routines().project(table.data(), row_stride, column_stride, rows,
                           columns, w.data(), y.data(), length);
        scalar().project(table.data(), row_stride, column_stride, rows, columns,
                         w.data(), expected.data(), expected_length);
        EXPECT_EQ(y, expected);
        EXPECT_EQ(std::memcmp(length, expected_length, sizeof(length)), 0);
        for (int l = 0; l < kPanel; ++l) {
          double squared = 0;
          for (int i = 0; i < rows; ++i) {
            double sum = 0;
            for (int c = 0; c < columns; ++c) {
              sum += static_cast<double>(
                         table[i * row_stride + c * column_stride]) *
                     w[c * kPanel + l];
            }
            EXPECT_NEAR(y[i * kPanel + l], sum, 1e-5);
            squared += sum * sum;
          }
          EXPECT_NEAR(length[l], squared, 1e-4);
        }
      }
    }
  }
}

// A block of points, sixteen queries and their terms.
struct Scene {
  // Products are made of `head` coordinates first.
  Scene(int rank, int num_panels, uint64_t seed, int head = 0)
      : rank(rank),
        num_panels(num_panels),
        head(head),
        y(Uniform(rank * kPanel, -0.3, 0.3, seed)),
        length(Uniform(kPanel, 0.5, 1, seed + 1)),
        outside(Uniform(kPanel, 0, 0.3, seed + 2)),
        own(Uniform(kPanel, 0, 0.3, seed + 3)),
        theta(Uniform(kPanel, 0, 0.6, seed + 4)),
        w(Uniform(int64_t{num_panels} * kPanel * rank, -0.3, 0.3, seed + 5)),
        e(Uniform(num_panels * kPanel, 0, 0.3, seed + 6)),
        cosine(Uniform(num_panels * kPanel, 0.5, 1, seed + 7)),
        gap(num_panels * kPanel),
        row(num_panels * kPanel) {
    RandomStream random(seed, 9);
    for (uint16_t& g : gap) {
      g = static_cast<uint16_t>(random.UniformBelow(9999));
    }
    for (size_t j = 0; j < row.size(); ++j) {
      row[j] = static_cast<int32_t>((j * 37) % row.size());
    }
    for (size_t j = row.size() - 5; j < row.size(); ++j) row[j] = kNoRow;
    for (const float c : cosine) sine.push_back(std::sqrt(1 - c * c));
    ones.assign(num_panels * kPanel, 1.0f);
    for (int j = 0; j < num_panels * kPanel; ++j) {
      double squared = 0;
      for (int c = head; c < rank; ++c) {
        const double x = w[(j / kPanel * rank + c) * kPanel + j % kPanel];
        squared += x * x;
      }
      tail.push_back(FloatAbove(std::sqrt(squared)));
    }
  }

  QueryPanel queries() const {
    return {y.data(),   length.data(), outside.data(),
            own.data(), theta.data(),  1e-5f};
  }
  PointPanels points() const {
    return {w.data(), rank,       head,      tail.data(),
            e.data(), gap.data(), row.data()};
  }
  ConePanels cones() const {
    return {w.data(),    rank,     cosine.data(), sine.data(),
            ones.data(), e.data(), gap.data()};
  }

  int rank;
  int num_panels;
  int head;
  std::vector<float> tail;
  std::vector<float> y, length, outside, own, theta, w, e, cosine, sine, ones;
  std::vector<uint16_t> gap;
  std::vector<int32_t> row;
};

struct Kept {
  explicit Kept(int room) : upper(room), lower(room), row(room) {}
  KeptList points() { return {upper.data(), lower.data(), row.data(), 0, 0}; }
  std::vector<float> upper, lower;
  std::vector<int32_t> row;
};

TEST_P(FilterRoutinesTest, KeepsThePointsThatReachTheta) {
  constexpr std::pair<int, int> kRanksAndHeads[] = {
      {1, 1}, {1, 0}, {8, 4}, {8, 1}, {40, 18}, {40, 0}, {40, 40}};
  for (const auto& [rank, head] : kRanksAndHeads) {
    const Scene scene(rank, 9, rank, head);
    // Panels from 1 on: all queries, one, tiles that are full or not, none,
    // and two; one is all of later rows than some queries count.
    const std::vector<uint32_t> lanes = {0xffff, 0x0010, 0x8421, 0xfefe,
                                         0xffff, 0x0000, 0x07ff, 0x0003};
    const auto count = static_cast<int>(lanes.size());
    std::vector<int32_t> min_row(count, 0);
    min_row[3] = 70;
    std::vector<int32_t> masks(kPanel, 0);
    for (int p = 0; p < count; ++p) {
      for (int l = 0; l < kPanel; ++l) {
        masks[l] |= static_cast<int32_t>(lanes[p] >> l & 1) << p;
      }
    }
    const int32_t self = scene.row[33];
    std::vector<int32_t> limits(kPanel, kNoRow);
    for (int l = 1; l < kPanel; l += 2) limits[l] = 70;
    const std::vector<int32_t> selves(kPanel, self);
    std::vector<Kept> kept(kPanel, Kept(200)), by_scalar(kPanel, Kept(200));
    std::vector<KeptList> all_found, all_expected;
    for (int l = 0; l < kPanel; ++l) {
      all_found.push_back(kept[l].points());
      all_expected.push_back(by_scalar[l].points());
    }
    const int pairs = routines().keep_points(
        scene.queries(), scene.points(), 1, count, masks.data(), min_row.data(),
        limits.data(), selves.data(), all_found.data());
    EXPECT_EQ(pairs, 16 + 1 + 4 + 6 + 16 + 0 + 11 + 2);
    scalar().keep_points(scene.queries(), scene.points(), 1, count,
                         masks.data(), min_row.data(), limits.data(),
                         selves.data(), all_expected.data());
    for (int lane = 0; lane < kPanel; ++lane) {
      const int32_t limit = limits[lane];
      const KeptList& found = all_found[lane];
      const KeptList& expected = all_expected[lane];
      ASSERT_EQ(found.size, expected.size);
      EXPECT_EQ(found.filtered, expected.filtered);
      int next = 0;
      int64_t filtered = 0;
      for (int i = 0; i < count; ++i) {
        const int p = 1 + i;
        if ((lanes[i] >> lane & 1) == 0 || min_row[i] >= limit) continue;
        for (int l = 0; l < kPanel; ++l) {
          const int j = p * kPanel + l;
          double dot = 0;
          for (int c = 0; c < rank; ++c) {
            dot += static_cast<double>(scene.y[c * kPanel + lane]) *
                   scene.w[(p * rank + c) * kPanel + l];
          }
          const double error = 1e-5 + scene.outside[lane] * scene.e[j] +
                               scene.own[lane] * scene.gap[j] * kGapUnit;
          const double upper = std::abs(dot) + error;
          if (scene.row[j] == kNoRow || scene.row[j] == self) continue;
          if (upper < scene.theta[lane] - 1e-5) continue;
          if (upper < scene.theta[lane] + 1e-5) {
            // Either way; follow what was found.
            if (next >= found.size || found.row[next] != scene.row[j]) continue;
          }
          if (scene.row[j] >= limit) {
            ++filtered;
            continue;
          }
          ASSERT_LT(next, found.size);
          EXPECT_EQ(found.row[next], scene.row[j]);
          EXPECT_EQ(found.row[next], expected.row[next]);
          EXPECT_EQ(found.upper[next], expected.upper[next]);
          EXPECT_EQ(found.lower[next], expected.lower[next]);
          EXPECT_NEAR(found.upper[next], upper, 1e-5);
          EXPECT_NEAR(found.lower[next], std::abs(dot) - error, 1e-5);
          ++next;
        }
      }
      EXPECT_EQ(next, found.size);
      EXPECT_NEAR(static_cast<double>(found.filtered),
                  static_cast<double>(filtered), 1);
    }
  }
}

// The first step dismisses panels by what the tails say: shorter ones lose
// points.
TEST_P(FilterRoutinesTest, TailsThatAreTooShortAreSeen) {
  Scene scene(40, 4, 3, /*head=*/10);
  const std::vector<int32_t> masks(kPanel, 0xf), min_row(4, 0),
      limits(kPanel, kNoRow), selves(kPanel, -1);
  const auto count_kept = [&] {
    std::vector<Kept> kept(kPanel, Kept(200));
    std::vector<KeptList> lists;
    for (Kept& one : kept) lists.push_back(one.points());
    routines().keep_points(scene.queries(), scene.points(), 0, 4, masks.data(),
                           min_row.data(), limits.data(), selves.data(),
                           lists.data());
    int sum = 0;
    for (const KeptList& list : lists) sum += list.size;
    return sum;
  };
  const int all = count_kept();
  for (float& tail : scene.tail) tail *= 0.1f;
  EXPECT_LT(count_kept(), all);
}

// A cone is kept wherever one of the vectors in it, of any length up to the
// largest, reaches theta.
TEST_P(FilterRoutinesTest, ConesHoldTheirVectors) {
  Scene scene(3, 2, 5);
  for (int j = 0; j < 2 * kPanel; ++j) {
    float* axis = scene.w.data() + j / kPanel * 3 * kPanel + j % kPanel;
    const float norm = std::hypot(axis[0], axis[kPanel], axis[2 * kPanel]);
    for (int c = 0; c < 3; ++c) axis[c * kPanel] /= norm;
  }
  std::vector<uint32_t> masks(2 * kPanel), expected(2 * kPanel);
  routines().pass_cones(scene.queries(), 0xfffe, scene.cones(), 2,
                        masks.data());
  scalar().pass_cones(scene.queries(), 0xfffe, scene.cones(), 2,
                      expected.data());
  RandomStream random(1, 2);
  int kept = 0, dropped = 0;
  for (int q = 1; q < kPanel; ++q) {
    double y[3], length = 0;
    for (int c = 0; c < 3; ++c) {
      y[c] = scene.y[c * kPanel + q];
      length += y[c] * y[c];
    }
    if (std::sqrt(length) > scene.length[q]) continue;
    for (int p = 0; p < 2; ++p) {
      EXPECT_EQ(masks[q * 2 + p], expected[q * 2 + p]);
      for (int l = 0; l < kPanel; ++l) {
        const int j = p * kPanel + l;
        double axis[3];
        for (int c = 0; c < 3; ++c) {
          axis[c] = scene.w[(p * 3 + c) * kPanel + l];
        }
        const bool passed = (masks[q * 2 + p] >> l & 1) != 0;
        (passed ? kept : dropped) += 1;
        const double rest = 1e-5 + scene.outside[q] * scene.e[j] +
                            scene.own[q] * scene.gap[j] * kGapUnit;
        for (int trial = 0; trial < 100; ++trial) {
          double v[3], square = 0, product = 0;
          for (int c = 0; c < 3; ++c) {
            v[c] = random.Normal();
            square += v[c] * v[c];
            product += v[c] * axis[c];
          }
          if (std::abs(product) < scene.cosine[j] * std::sqrt(square)) continue;
          double dot = 0;
          for (int c = 0; c < 3; ++c) dot += v[c] * y[c] / std::sqrt(square);
          if (std::abs(dot) + rest > scene.theta[q] + 1e-4) {
            EXPECT_TRUE(passed);
          }
        }
      }
    }
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(dropped, 0);
}

TEST_P(FilterRoutinesTest, BlocksAndGaps) {
  const Scene scene(4, 2, 11);
  EXPECT_EQ(routines().pass_block(scene.queries(), {0.3f, 0.1f, 0.2f}),
            scalar().pass_block(scene.queries(), {0.3f, 0.1f, 0.2f}));
  uint32_t expected = 0;
  for (int l = 0; l < kPanel; ++l) {
    const double upper = 1e-5 + scene.length[l] * 0.3 + scene.outside[l] * 0.1 +
                         scene.own[l] * 0.2;
    expected |= static_cast<uint32_t>(upper >= scene.theta[l]) << l;
  }
  EXPECT_EQ(routines().pass_block(scene.queries(), {0.3f, 0.1f, 0.2f}),
            expected);

  const std::vector<float> squared = Uniform(kPanel, 0.3, 1, 12);
  const std::vector<float> norm(kPanel, 1.01f);
  float length[kPanel], outside[kPanel];
  routines().gap_terms(scene.gap.data(), squared.data(), scene.e.data(),
                       norm.data(), 1e-4f, length, outside);
  for (int l = 0; l < kPanel; ++l) {
    const double gap = scene.gap[l] * static_cast<double>(kGapUnit);
    EXPECT_NEAR(outside[l], std::min(1.01, gap + scene.e[l]), 1e-6);
    const double less = std::max(0.0, gap - kGapUnit);
    EXPECT_NEAR(length[l],
                std::sqrt(std::max(0.0, squared[l] - less * less + 1e-4)),
                1e-5);
  }
}

TEST_P(FilterRoutinesTest, LargestAndSquaredDifference) {
  const float three[] = {1, -5, 2, 100};
  EXPECT_EQ(routines().largest(three, 3), 5);
  EXPECT_EQ(routines().squared_difference(three, nullptr, 0.5f, 3), 7.5f);
  for (const int count : {0, 1, 16, 17, 1000}) {
    const std::vector<float> a = Uniform(count, -1, 1, count);
    const std::vector<float> b = Uniform(count, -1, 1, count + 1);
    double largest = 0;
    double squared = 0;
    for (int i = 0; i < count; ++i) {
      largest = std::max(largest, std::abs(double{a[i]}));
      squared += (double{a[i]} - b[i]) * (double{a[i]} - b[i]) / 16;
    }
    EXPECT_EQ(routines().largest(a.data(), count), largest);
    const float found =
        routines().squared_difference(a.data(), b.data(), 0.25f, count);
    EXPECT_EQ(found,
              scalar().squared_difference(a.data(), b.data(), 0.25f, count));
    EXPECT_NEAR(found, squared, 1e-5 * squared);
  }
}

TEST_P(FilterRoutinesTest, RoundsToTheNearestInteger) {
  const float numbers[] = {0.6f, -0.6f, 0.5f, 1.5f, -126.7f, 127};
  int8_t bytes[7] = {};
  bytes[6] = 99;
  routines().round_bytes(numbers, 1, 6, bytes);
  const int8_t expected[] = {1, -1, 0, 2, -127, 127, 99};
  EXPECT_TRUE(std::equal(bytes, bytes + 7, expected));
  for (const int count : {1, 16, 17, 100}) {
    const std::vector<float> from = Uniform(count, -1, 1, count);
    std::vector<int16_t> words(count);
    routines().round_words(from.data(), 32767, count, words.data());
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(words[i], std::nearbyint(from[i] * 32767));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, FilterRoutinesTest,
                         testing::ValuesIn(AvailableIsas()),
                         [](const auto& info) {
                           return std::string(IsaName(info.param));
                         });

}  // namespace
}  // namespace rct
