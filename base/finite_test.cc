#include "base/finite.h"

#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace rct {
namespace {

TEST(FiniteTest, Example) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(AllFinite<double>({1, -2, 3}));
  EXPECT_FALSE(AllFinite<double>({1, -2, infinity}));
  EXPECT_FALSE(AllFiniteAndNotNegative<double>({1, -2, 3}));
  EXPECT_TRUE(AllBetween<double>({1, -2, 3}, -2, 3));
}

template <class T>
class TypedFiniteTest : public testing::Test {};
using Floats = testing::Types<float, double>;
TYPED_TEST_SUITE(TypedFiniteTest, Floats);

TYPED_TEST(TypedFiniteTest, OneIsEnough) {
  using Limits = std::numeric_limits<TypeParam>;
  EXPECT_TRUE(AllFinite<TypeParam>({}));
  for (const int place : {0, 3, 18}) {
    std::vector<TypeParam> values(19, 1);
    for (const TypeParam good :
         {Limits::max(), Limits::denorm_min(), -TypeParam{0}, TypeParam{0}}) {
      values[place] = good;
      EXPECT_TRUE(AllFinite<TypeParam>(values)) << good;
      EXPECT_TRUE(AllFiniteAndNotNegative<TypeParam>(values)) << good;
    }
    for (const TypeParam negative : {Limits::lowest(), -Limits::denorm_min()}) {
      values[place] = negative;
      EXPECT_TRUE(AllFinite<TypeParam>(values)) << negative;
      EXPECT_FALSE(AllFiniteAndNotNegative<TypeParam>(values)) << negative;
    }
    for (const TypeParam bad :
         {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN()}) {
      values[place] = bad;
      EXPECT_FALSE(AllFinite<TypeParam>(values)) << bad;
      EXPECT_FALSE(AllFiniteAndNotNegative<TypeParam>(values)) << bad;
    }
    values[place] = 2;
    EXPECT_TRUE((AllBetween<TypeParam>(values, 1, 2)));
    EXPECT_FALSE((AllBetween<TypeParam>(values, 1, TypeParam(1.5))));
  }
}

}  // namespace
}  // namespace rct
