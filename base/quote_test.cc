#include "base/quote.h"

#include <string>

#include "gtest/gtest.h"

namespace rct {
namespace {

TEST(QuoteTest, OneShortPrintableLine) {
  EXPECT_EQ(Quote(""), "''");
  EXPECT_EQ(Quote("<f8"), "'<f8'");
  EXPECT_EQ(Quote("a\nb\x93"), R"('a\nb\x93')");
  EXPECT_EQ(Quote(std::string(24, 'x')), "'" + std::string(24, 'x') + "'");
  EXPECT_EQ(Quote(std::string(25, 'x')), "'" + std::string(24, 'x') + "...'");
}

}  // namespace
}  // namespace rct
