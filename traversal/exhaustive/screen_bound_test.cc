// The roundings of the screen's comparison and of what it keeps, at numbers
// that are equal but for these.

#include "traversal/exhaustive/screen_bound.h"

#include <cmath>

#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/rounding.h"

namespace rct {
namespace {

constexpr int kRepeats = 100'000;

ScreenBound Bound(double scale) {
  return ScreenBound(/*num_inducing=*/64, /*dim=*/2, /*variance=*/1, scale);
}

// Random numbers of all sizes that matter.
class Numbers {
 public:
  double Next() {
    const int exponent = static_cast<int>(random_.UniformBelow(20));
    return std::ldexp(1 + random_.Uniform(), -exponent);
  }
  float NextFloat() { return static_cast<float>(Next()); }

 private:
  RandomStream random_{/*seed=*/1, /*stream=*/0};
};

// Returns how many candidates are dismissed that reach theta to the last bit.
int DismissedInError(double scale) {
  const ScreenBound bound = Bound(scale);
  Numbers numbers;
  int wrong = 0;
  for (int i = 0; i < kRepeats; ++i) {
    const float a = numbers.NextFloat(), length = numbers.NextFloat();
    const float b = numbers.NextFloat(), shift = numbers.NextFloat();
    const float size = numbers.NextFloat();
    const float root = numbers.NextFloat();
    const double inverse_sqrt = numbers.Next();
    // As the screen computes it (screen_routines.h), and exactly.
    const float sum = size + (a * length + (b + shift));
    const long double exact = static_cast<long double>(size) +
                              static_cast<long double>(a) * length +
                              (static_cast<long double>(b) + shift);
    // The largest theta that it reaches.
    auto theta = static_cast<float>(exact * inverse_sqrt / root);
    if (static_cast<long double>(theta) > exact * inverse_sqrt / root) {
      theta = std::nextafter(theta, 0.0F);
    }
    wrong += sum < bound.Reach(theta, inverse_sqrt) * root ? 1 : 0;
  }
  return wrong;
}

TEST(ScreenBoundTest, WhatReachesThetaIsNotDismissed) {
  EXPECT_EQ(DismissedInError(1), 0);
  EXPECT_GT(DismissedInError(0), 100);
}

// Returns how many bounds on |rho^| are on the wrong side of what size and
// error say, by the four roundings of rho^ in float64.
int BoundsInError(double scale) {
  const ScreenBound bound = Bound(scale);
  Numbers numbers;
  int wrong = 0;
  for (int i = 0; i < kRepeats; ++i) {
    const float size = numbers.NextFloat(), error = numbers.NextFloat() / 64;
    const double scales = numbers.Next();
    // c32 is rounded once itself: |c| is at most |c32| (1 + u32) + E.
    const long double slip = 1 + static_cast<long double>(kFloatRoundoff);
    const long double most = (size * slip + error) * scales * (1 + 0x1p-51L);
    const long double least =
        (size * (2 - slip) - error) * scales * (1 - 0x1p-51L);
    wrong += bound.Upper(size, error, scales) < most ? 1 : 0;
    wrong += least > 0 && bound.Lower(size, error, scales) > least ? 1 : 0;
  }
  return wrong;
}

TEST(ScreenBoundTest, WhatIsKeptLiesBetweenItsBounds) {
  EXPECT_EQ(BoundsInError(1), 0);
  EXPECT_GT(BoundsInError(0), kRepeats / 20);
}

}  // namespace
}  // namespace rct
