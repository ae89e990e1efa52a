#include "base/csv_number.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(CsvNumberTest, Numbers) {
  double value;
  ASSERT_THAT(ParseCsvNumber(" -2.5e3 ", ',', &value), IsOk());
  EXPECT_EQ(value, -2500);
  int64_t integer;
  ASSERT_THAT(ParseCsvNumber("1e+05", ',', &integer), IsOk());
  EXPECT_EQ(integer, 100000);
  EXPECT_THAT(ParseCsvNumber("4m", ',', &value),
              StatusIs(kInvalid, "is '4m'; must be a finite number"));
  EXPECT_THAT(ParseCsvNumber("inf", ',', &value), StatusIs(kInvalid));
  EXPECT_THAT(ParseCsvNumber("1.5", ',', &integer),
              StatusIs(kInvalid, "is '1.5'; must be an integer of 64 bits"));
  EXPECT_THAT(ParseCsvNumber("1 2", '\t', &value),
              StatusIs(kInvalid,
                       "is '1 2', which has a blank where a tab belongs; must "
                       "be a finite number"));
}

TEST(CsvNumberTest, Names) {
  for (const char* name : {"x", "lon", "x2020", "the height", "H\xc3\xb6he"}) {
    EXPECT_TRUE(LooksLikeName(name)) << name;
  }
  for (const char* data : {"1", "-.5", "2020-01-01", "NA", "nan", "-", "inf"}) {
    EXPECT_FALSE(LooksLikeName(data)) << data;
  }
  EXPECT_TRUE(IsCsvNumber("inf"));
  EXPECT_FALSE(IsCsvNumber("0x10"));
}

}  // namespace
}  // namespace rct
