#include "metric/sphere.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr long double kPi = 3.14159265358979323846264338327950288L;

// Sine and cosine in the arithmetic of long double.
struct Reference {
  explicit Reference(double degrees) {
    int quarter;
    const long double reduced =
        std::remquo(static_cast<long double>(degrees), 90.0L, &quarter);
    const long double s = std::sin(reduced * kPi / 180);
    const long double c = std::cos(reduced * kPi / 180);
    const long double sines[] = {s, c, -s, -c};
    sin = sines[quarter & 3];
    cos = sines[(quarter + 1) & 3];
  }
  long double sin, cos;
};

// Returns the error of `value` in units in the last place of `exact`.
double Ulps(double value, long double exact) {
  if (exact == 0) return value == 0 ? 0 : 1e9;
  const double unit = std::ldexp(1.0, std::ilogb(exact) - 52);
  return static_cast<double>(std::abs(value - exact) / unit);
}

Matrix<double> Places(const std::vector<std::vector<double>>& rows) {
  Matrix<double> places(static_cast<int64_t>(rows.size()),
                        static_cast<int64_t>(rows[0].size()));
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy(rows[i].begin(), rows[i].end(), places.row(i));
  }
  return places;
}

std::vector<double> ChordsOf(const std::vector<double>& place) {
  const Matrix<double> places = Places({place});
  const absl::StatusOr<Matrix<double>> chords = LonLatToChord(places.view());
  EXPECT_THAT(chords, IsOk());
  return {chords->row(0), chords->row(0) + chords->cols()};
}

std::string Error(const std::vector<std::vector<double>>& rows) {
  const Matrix<double> places = Places(rows);
  const absl::StatusOr<Matrix<double>> chords = LonLatToChord(places.view());
  EXPECT_THAT(chords, StatusIs(absl::StatusCode::kInvalidArgument));
  return std::string(chords.status().message());
}

TEST(SphereTest, SineAndCosineAreNearlyCorrectlyRounded) {
  RandomStream random(1, 1);
  double worst = 0;
  const auto check = [&worst](double degrees) {
    const SinCos computed = SinCosOfDegrees(degrees);
    const Reference exact(degrees);
    worst = std::max(
        {worst, Ulps(computed.sin, exact.sin), Ulps(computed.cos, exact.cos)});
  };
  for (int i = 0; i < 300'000; ++i) check(random.Uniform() * 720 - 360);
  // Small angles, and those around the multiples of 45 degrees.
  for (int i = 0; i < 100'000; ++i) {
    const double small = std::ldexp(random.Uniform(), -(i % 60));
    for (int eighth = -8; eighth < 8; ++eighth) check(45 * eighth + small);
  }
  EXPECT_LT(worst, 0.8);
  RecordProperty("worst_ulps", std::to_string(worst));
}

TEST(SphereTest, SpecialAngles) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double sines[] = {0, 1, 0, -1};
  for (int quarter = -4; quarter <= 4; ++quarter) {
    const SinCos computed = SinCosOfDegrees(90.0 * quarter);
    EXPECT_EQ(computed.sin, sines[quarter & 3]) << quarter;
    EXPECT_EQ(computed.cos, sines[(quarter + 1) & 3]) << quarter;
    // No zero is negative.
    EXPECT_NE(1 / computed.sin, -infinity) << quarter;
    EXPECT_NE(1 / computed.cos, -infinity) << quarter;
  }
  EXPECT_EQ(SinCosOfDegrees(-0.0).sin, 0);
  EXPECT_FALSE(std::signbit(SinCosOfDegrees(-0.0).sin));
  EXPECT_NEAR(SinCosOfDegrees(30).sin, 0.5, 0x1p-53);
  EXPECT_NEAR(SinCosOfDegrees(60).cos, 0.5, 0x1p-53);
}

// These bits are what any machine must compute.
TEST(SphereTest, TheSameBitsEverywhere) {
  RandomStream random(2, 1);
  uint64_t hash = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto [sin, cos] = SinCosOfDegrees(random.Uniform() * 540 - 180);
    for (const double value : {sin, cos}) {
      uint64_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      hash = (hash ^ bits) * 0x100000001b3;  // FNV-1a, in words
    }
  }
  EXPECT_EQ(hash, 16379794762634060441u);
}

TEST(SphereTest, KnownPlaces) {
  const double r = kEarthRadius;
  EXPECT_THAT(ChordsOf({0, 0}), ElementsAre(r, 0, 0));
  EXPECT_THAT(ChordsOf({90, 0}), ElementsAre(0, r, 0));
  EXPECT_THAT(ChordsOf({180, 0}), ElementsAre(-r, 0, 0));
  EXPECT_THAT(ChordsOf({-90, 0}), ElementsAre(0, -r, 0));
  EXPECT_THAT(ChordsOf({0, 90}), ElementsAre(0, 0, r));
  // Further columns stay.
  EXPECT_THAT(ChordsOf({0, -90, 17, -4}), ElementsAre(0, 0, -r, 17, -4));
}

TEST(SphereTest, OnePlaceIsOnePoint) {
  RandomStream random(3, 1);
  for (int i = 0; i < 1000; ++i) {
    // Numbers from which 360 can be subtracted exactly.
    const double lon =
        180 + std::ldexp(std::floor(random.Uniform() * 180e6), -20);
    const double lat = random.Uniform() * 180 - 90;
    EXPECT_EQ(ChordsOf({lon, lat}), ChordsOf({lon - 360, lat})) << lon;
    EXPECT_EQ(ChordsOf({lon, 90}), ChordsOf({0, 90})) << lon;
    EXPECT_EQ(ChordsOf({lon, -90}), ChordsOf({0, -90})) << lon;
  }
  EXPECT_EQ(ChordsOf({180, 12.5}), ChordsOf({-180, 12.5}));
  EXPECT_EQ(ChordsOf({0, 12.5}), ChordsOf({360, 12.5}));
  EXPECT_EQ(ChordsOf({0, 12.5}), ChordsOf({-0.0, 12.5}));
}

TEST(SphereTest, CoordinatesAreAccurate) {
  RandomStream random(4, 1);
  for (int i = 0; i < 100'000; ++i) {
    const double lon = random.Uniform() * 540 - 180;
    const double lat = random.Uniform() * 180 - 90;
    const std::vector<double> chords = ChordsOf({lon, lat});
    const Reference east(lon), north(lat);
    const long double exact[] = {kEarthRadius * north.cos * east.cos,
                                 kEarthRadius * north.cos * east.sin,
                                 kEarthRadius * north.sin};
    for (int j = 0; j < 3; ++j) {
      ASSERT_LE(std::abs(chords[j] - exact[j]), kEarthRadius * 0x1p-51);
    }
  }
}

TEST(SphereTest, ChordsAndArcs) {
  const double half_turn = kEarthRadius * static_cast<double>(kPi);
  EXPECT_EQ(ChordOfArc(0), 0);
  EXPECT_DOUBLE_EQ(ChordOfArc(half_turn), 2 * kEarthRadius);
  EXPECT_DOUBLE_EQ(ChordOfArc(1e9), 2 * kEarthRadius);
  EXPECT_EQ(ChordOfArc(-1), 0);
  EXPECT_DOUBLE_EQ(ArcOfChord(2 * kEarthRadius), half_turn);
  EXPECT_DOUBLE_EQ(ArcOfChord(1e9), half_turn);
  EXPECT_EQ(ArcOfChord(-1), 0);
  double before = -1;
  for (double arc = 0; arc < half_turn; arc += 7.5) {
    const double chord = ChordOfArc(arc);
    EXPECT_GT(chord, before);
    EXPECT_LE(chord, arc);
    EXPECT_GE(chord, arc <= 1000 ? arc * (1 - 0.0011) : 0);
    EXPECT_NEAR(ArcOfChord(chord), arc, 1e-6);
    before = chord;
  }
  // A quarter of the way round.
  const Matrix<double> places = Places({{0, 0}, {90, 0}});
  const Matrix<double> chords = *LonLatToChord(places.view(), 1);
  EXPECT_DOUBLE_EQ(
      std::hypot(chords(0, 0) - chords(1, 0), chords(0, 1) - chords(1, 1)),
      ChordOfArc(static_cast<double>(kPi) / 2, 1));
}

TEST(SphereTest, Errors) {
  EXPECT_EQ(Error({{0, 0}, {-180.5, 0}}),
            "row 1, column 0 is -180.5; a longitude must be from -180 to 360 "
            "degrees");
  EXPECT_THAT(Error({{361, 0}}), HasSubstr("row 0, column 0 is 361"));
  EXPECT_EQ(Error({{200, 91}}),
            "row 0, column 1 is 91; a latitude must be from -90 to 90 degrees; "
            "the longitude comes first");
  EXPECT_THAT(Error({{std::nan(""), 0}}), HasSubstr("column 0 is nan"));
  EXPECT_THAT(Error({{0, std::nan("")}}), HasSubstr("column 1 is nan"));
  EXPECT_THAT(Error({{1}}), HasSubstr("the number of columns is 1"));
}

TEST(SphereTest, NoRows) {
  const absl::StatusOr<Matrix<double>> chords =
      LonLatToChord(MatrixView<const double>(nullptr, 0, 2));
  ASSERT_THAT(chords, IsOk());
  EXPECT_EQ(chords->rows(), 0);
  EXPECT_EQ(chords->cols(), 3);
}

}  // namespace
}  // namespace rct
