#include "traversal/exhaustive/screen_routines.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/simd_routines.h"
#include "metric/test_reference.h"

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

class ScreenRoutinesTest : public testing::TestWithParam<Isa> {
 protected:
  const ScreenRoutines& kernels() const {
    return *ScreenRoutinesFor(GetParam());
  }
  const ScreenRoutines& scalar() const {
    return *ScreenRoutinesFor(Isa::kScalar);
  }
};

TEST_P(ScreenRoutinesTest, DotsAreChainsOfChains) {
  for (const int64_t terms : {0, 32, 64, 160, 544}) {
    for (const int groups : {1, 3}) {
      const int64_t stride = kScreenPanel + 16;
      const int queries = groups * kScreenGroup;
      const std::vector<float> a = Uniform(queries * terms, -1, 1, 1);
      const std::vector<float> panel = Uniform(kScreenPanel * terms, -1, 1, 2);
      std::vector<float> out(queries * stride, 7), expected(out);
      kernels().dots(a.data(), groups, terms, panel.data(),
                     panel.data() + panel.size(), out.data(), stride);
      for (int i = 0; i < queries; ++i) {
        for (int l = 0; l < kScreenPanel; ++l) {
          float total = 0;
          for (int64_t c = 0; c < terms;) {
            float chain = 0;
            for (int64_t end = c + kScreenChunk; c < end; ++c) {
              chain = std::fma(a[(i / kScreenGroup * terms + c) * kScreenGroup +
                                 i % kScreenGroup],
                               panel[c * kScreenPanel + l], chain);
            }
            total += chain;
          }
          expected[i * stride + l] = total;
        }
      }
      ASSERT_EQ(out, expected);
    }
  }
}

// Coordinates that are further and further from the query's, panel by panel.
struct Scene {
  Scene(int dim, int num_panels, uint64_t seed)
      : count(num_panels * kScreenPanel),
        query(Uniform(dim, -1, 1, seed)),
        z(Uniform(int64_t{count} * dim, -1, 1, seed + 1)),
        length(Uniform(count, 0, 1, seed + 2)),
        error(Uniform(count, 0, 0.1, seed + 3)),
        root(Uniform(count, 0.1, 1, seed + 4)),
        dot(Uniform(count, -0.1, 1, seed + 5)) {
    float spread = 1e-6f;
    for (size_t i = 0; i < z.size(); ++i) {
      if (i % (dim * kScreenPanel) == 0) spread *= 4;
      z[i] *= spread;
    }
  }
  ScreenCandidates candidates() const {
    return {z.data(), length.data(), error.data(), root.data()};
  }

  int count;
  std::vector<float> query, z, length, error, root, dot;
};

struct Found {
  explicit Found(int room)
      : candidate(room + 16), size(room + 16), error(room + 16) {}
  ScreenHits hits() { return {candidate.data(), size.data(), error.data()}; }
  void Resize(int count) {
    candidate.resize(count);
    size.resize(count);
    error.resize(count);
  }
  friend bool operator==(const Found&, const Found&) = default;

  std::vector<int32_t> candidate;
  std::vector<float> size, error;
};

TEST_P(ScreenRoutinesTest, KeepsWhatReaches) {
  for (const KernelFamily family : kAllFamilies) {
    for (const int dim : {1, 3, 8}) {
      const Scene scene(dim, 20, dim);
      for (const float reach : {-1.0f, 0.3f, 0.8f, 3.0f}) {
        const ScreenCovariance covariance = {family, dim, 1.5f};
        const ScreenQuery query = {scene.query.data(), 0.1f, 0.05f, reach};
        Found found(scene.count), expected(scene.count);
        found.Resize(kernels().screen(covariance, query, scene.candidates(), 20,
                                      scene.dot.data(), found.hits()));
        expected.Resize(scalar().screen(covariance, query, scene.candidates(),
                                        20, scene.dot.data(), expected.hits()));
        EXPECT_TRUE(found == expected);

        size_t next = 0;
        const std::vector<double> one(dim, 1.0);
        const std::vector<double> x(scene.query.begin(), scene.query.end());
        const KernelSpec spec = {family, dim, 1.5, one.data()};
        for (int j = 0; j < scene.count; ++j) {
          std::vector<double> y(dim);
          for (int t = 0; t < dim; ++t) {
            y[t] = scene.z[(j / kScreenPanel * dim + t) * kScreenPanel +
                           j % kScreenPanel];
          }
          const double size = static_cast<double>(std::abs(
              ReferenceCovariance(spec, x.data(), y.data()) - scene.dot[j]));
          const double error = 0.1 * scene.length[j] + 0.05 + scene.error[j];
          const bool hit =
              next < found.candidate.size() && found.candidate[next] == j;
          if (std::abs(size + error - reach * scene.root[j]) > 1e-5) {
            ASSERT_EQ(hit, size + error > reach * scene.root[j]);
          }
          if (!hit) continue;
          // What screen_bound.h allows, but for the last subtraction.
          EXPECT_NEAR(found.size[next], size,
                      ((0.5 * dim + 16) * 1.5 + 2) * 0x1p-24);
          EXPECT_NEAR(found.error[next], error, 1e-6);
          ++next;
        }
        ASSERT_EQ(next, found.candidate.size());
        if (reach < 0) {
          EXPECT_EQ(next, scene.count);
        }
        if (reach > 2) {
          EXPECT_LT(next, scene.count);
        }
      }
    }
  }
}

// What has no bound has an infinite error, and is kept.
TEST_P(ScreenRoutinesTest, InfiniteErrorsReachEverything) {
  Scene scene(2, 1, 9);
  scene.error[5] = HUGE_VALF;
  const ScreenCovariance covariance = {KernelFamily::kRbf, 2, 1};
  Found found(scene.count);
  found.Resize(kernels().screen(covariance, {scene.query.data(), 0, 0, 1e30f},
                                scene.candidates(), 1, scene.dot.data(),
                                found.hits()));
  EXPECT_EQ(found.candidate, std::vector<int32_t>{5});
  found = Found(scene.count);
  EXPECT_EQ(
      kernels().screen(covariance, {scene.query.data(), 0, HUGE_VALF, 1e30f},
                       scene.candidates(), 1, scene.dot.data(), found.hits()),
      kScreenPanel);
}

INSTANTIATE_TEST_SUITE_P(Isas, ScreenRoutinesTest,
                         testing::ValuesIn(AvailableIsas()),
                         [](const auto& info) {
                           return std::string(IsaName(info.param));
                         });

}  // namespace
}  // namespace rct
