#include "base/write_columns.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace rct {
namespace {

TEST(WriteColumnsTest, ColumnsAreTheRowsAndNothingElseIsWritten) {
  for (const int64_t count : {0, 1, 7, 8, 9, 24, 29}) {
    for (const int64_t terms : {0, 1, 5, 16}) {
      std::vector<std::vector<double>> rows;
      std::vector<const double*> pointers;
      for (int64_t j = 0; j < count; ++j) {
        rows.emplace_back();
        for (int64_t r = 0; r < terms; ++r) {
          rows.back().push_back(static_cast<double>(100 * j + r));
        }
      }
      for (const auto& row : rows) pointers.push_back(row.data());
      const int64_t stride = count + 3;
      std::vector<double> to(terms * stride, -1.0);
      WriteColumns(pointers, terms, stride, to.data());
      for (int64_t r = 0; r < terms; ++r) {
        for (int64_t j = 0; j < stride; ++j) {
          EXPECT_EQ(to[r * stride + j],
                    j < count ? static_cast<double>(100 * j + r) : -1.0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace rct
