#include "index/index_options.h"

#include "absl/status/status.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"

namespace rct {
namespace {

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ValidateCoordinatesTest, ANameForEachOrNone) {
  IndexOptions options;
  EXPECT_THAT(ValidateCoordinates(options, 1), IsOk());
  options.add_coordinate_name("x");
  options.add_coordinate_name("y");
  EXPECT_THAT(ValidateCoordinates(options, 2), IsOk());
  EXPECT_THAT(ValidateCoordinates(options, 3),
              StatusIs(kInvalid,
                       "coordinate_name: 2 names for points of 3 coordinates; "
                       "give one for each, or none"));
}

TEST(ValidateCoordinatesTest, ThreeChordsAreTwoColumns) {
  IndexOptions options;
  options.set_lon_lat(true);
  EXPECT_THAT(ValidateCoordinates(options, 3), IsOk());
  EXPECT_THAT(ValidateCoordinates(options, 2),
              StatusIs(kInvalid,
                       "lon_lat: is for points of three chord coordinates and "
                       "more; these have 2"));
  options.add_coordinate_name("lon");
  options.add_coordinate_name("lat");
  EXPECT_THAT(ValidateCoordinates(options, 3), IsOk());
  EXPECT_THAT(ValidateCoordinates(options, 4),
              StatusIs(kInvalid,
                       "coordinate_name: 2 names for points of 3 columns "
                       "before their conversion to chords; give one for each, "
                       "or none"));
}

}  // namespace
}  // namespace rct
