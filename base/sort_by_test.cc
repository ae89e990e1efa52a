#include "base/sort_by.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

// Few and many values for the number of keys: both ways of sorting.
TEST(SortByTest, KeepsTheOrderOfEqualKeys) {
  RandomStream stream(1, 0);
  for (const int64_t num_keys : {1, 7, 1000}) {
    for (const int64_t size : {0, 1, 2, 100, 5000}) {
      std::vector<std::pair<int64_t, int64_t>> values;
      for (int64_t i = 0; i < size; ++i) {
        values.emplace_back(stream.UniformBelow(num_keys), i);
      }
      auto expected = values;
      std::sort(expected.begin(), expected.end());
      SortBy([](const auto& value) { return value.first; }, num_keys, values);
      EXPECT_EQ(values, expected);
    }
  }
}

}  // namespace
}  // namespace rct
