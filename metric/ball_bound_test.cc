// The bound of a ball where it is reached: against exact arithmetic.

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/random.h"
#include "gtest/gtest.h"
#include "metric/residual_correlation.h"
#include "metric/rounding.h"
#include "metric/test_reference.h"
#include "metric/tile.h"

namespace rct {
namespace {

using Ball = ResidualCorrelation::Ball;

// A query, a center and a member of its ball, whose angles add up: the bound is
// an equality, and only what it subtracts for its own arithmetic keeps it.
struct Reached {
  explicit Reached(RandomStream& random) {
    // Angles from a right one to 1e-8, and the query hardly farther or much.
    to_member = std::ldexp(random.Uniform(),
                           -static_cast<int>(random.UniformBelow(50)));
    to_query = std::min(
        1.0,
        to_member *
            (1 + std::ldexp(random.Uniform(),
                            10 - static_cast<int>(random.UniformBelow(40)))));
    for (double& one : tau) {
      one = 12 * kUnitRoundoff +
            std::ldexp(random.Uniform(),
                       -2 - static_cast<int>(random.UniformBelow(60)));
    }
  }

  double Norm(int i) const { return 1 / std::sqrt(1 + tau[i]); }

  double Bound() const {
    Ball ball;
    ResidualCorrelation::Include(
        ResidualCorrelation::Nearness(to_member, Norm(1), Norm(2)), Norm(2),
        ball);
    return ResidualCorrelation::MinSquared(to_query, Norm(0), Norm(1), ball);
  }

  // The same formulas, with `ball_u` and `bound_u` in place of the u in what is
  // added for the arithmetic of each.
  double With(double ball_u, double bound_u) const {
    Ball ball;
    ball.cos_radius = std::max(
        0.0, ResidualCorrelation::Nearness(to_member, Norm(1), Norm(2)) *
                     (1 - 16 * ball_u) -
                 4 * ball_u);
    ball.sin_radius = std::sqrt((1 - ball.cos_radius) * (1 + ball.cos_radius));
    ball.norm = (1 + 8 * ball_u) / Norm(2);
    const double cosine =
        std::min(1.0, (1 - to_query) * Norm(0) * Norm(1) * (1 + 16 * bound_u));
    if (cosine >= ball.cos_radius) return kSelf;
    const double sine = std::sqrt((1 - cosine) * (1 + cosine));
    return 1 -
           (cosine * ball.cos_radius + sine * ball.sin_radius + 16 * bound_u) *
               (ball.norm / Norm(0)) -
           16 * bound_u;
  }

  // t of query and member, and whether the query is outside of the ball.
  std::pair<Quad, bool> Exact() const {
    const auto norm2 = [&](int i) { return 1 + static_cast<Quad>(tau[i]); };
    const auto cosine = [&](double squared, int a, int b) {
      return (1 - static_cast<Quad>(squared)) / SqrtQuad(norm2(a) * norm2(b));
    };
    const auto sine = [](Quad c) { return SqrtQuad(1 - c * c); };
    const Quad query = cosine(to_query, 0, 1);
    const Quad member = cosine(to_member, 1, 2);
    const Quad most =
        query < member ? query * member + sine(query) * sine(member) : Quad{1};
    return {1 - most * SqrtQuad(norm2(0) * norm2(2)), query < member};
  }

  double to_member;
  double to_query;
  double tau[3];  // of query, center and member
};

// The ball's is the one that matters: without it the angle of a small ball is
// too small by far. What the bound adds for itself is covered by that.
TEST(BallTest, BoundHoldsWhereItIsReachedAndNotWithoutItsRoundings) {
  RandomStream random(13, 0);
  constexpr double u = kUnitRoundoff;
  int without_any = 0, without_the_ball = 0, without_the_bound = 0, close = 0;
  for (int repeat = 0; repeat < 100'000; ++repeat) {
    const Reached reached(random);
    const auto [t, outside] = reached.Exact();
    const Quad exact = t;  // clang 14 captures no structured binding
    const double bound = reached.Bound();
    ASSERT_EQ(bound, reached.With(u, u));
    ASSERT_LE(static_cast<Quad>(bound), exact) << repeat;
    if (!outside) continue;
    const auto exceeds = [&](double ball_u, double bound_u) {
      return static_cast<Quad>(reached.With(ball_u, bound_u)) > exact ? 1 : 0;
    };
    without_any += exceeds(0, 0);
    without_the_ball += exceeds(0, u);
    without_the_bound += exceeds(u, 0);
    close += exact - static_cast<Quad>(bound) < 1e-12 ? 1 : 0;
  }
  EXPECT_GT(without_any, 10'000);
  EXPECT_GT(without_the_ball, 100);
  EXPECT_EQ(without_the_bound, 0);
  EXPECT_GT(close, 10'000);
}

}  // namespace
}  // namespace rct
