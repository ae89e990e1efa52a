#include "base/npy.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/random.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

template <class T>
std::string Bytes(const std::vector<T>& values) {
  return std::string(reinterpret_cast<const char*>(values.data()),
                     values.size() * sizeof(T));
}

// A file of the given version whose header is `dictionary` as it stands.
std::string Npy(std::string_view dictionary, std::string_view data,
                int major = 1) {
  std::string file = "\x93NUMPY";
  file += static_cast<char>(major);
  file += '\0';
  const uint32_t length = static_cast<uint32_t>(dictionary.size());
  file.append(reinterpret_cast<const char*>(&length), major == 1 ? 2 : 4);
  return absl::StrCat(file, dictionary, data);
}

std::string Dictionary(std::string_view descr, std::string_view shape,
                       std::string_view fortran_order = "False") {
  return absl::StrCat("{'descr': '", descr,
                      "', 'fortran_order': ", fortran_order,
                      ", 'shape': ", shape, ", }");
}

template <class T>
std::vector<std::vector<T>> Rows(const Matrix<T>& matrix) {
  std::vector<std::vector<T>> rows;
  for (int64_t i = 0; i < matrix.rows(); ++i) {
    rows.emplace_back(matrix.row(i), matrix.row(i) + matrix.cols());
  }
  return rows;
}

// The error of reading `bytes` as a matrix of values.
std::string MatrixError(const std::string& bytes) {
  const absl::StatusOr<Matrix<double>> result = ParseNpyMatrix(bytes);
  EXPECT_THAT(result, StatusIs(kInvalid));
  return std::string(result.status().message());
}

TEST(NpyTest, Example) {
  const std::string file = SerializeNpy(absl::Span<const double>({1.5, -2}));
  EXPECT_THAT(ParseNpyVector(file), IsOkAndHolds(ElementsAre(1.5, -2)));
  EXPECT_THAT(ParseNpyIndices(file), StatusIs(kInvalid));
}

TEST(SerializeNpyTest, IsWhatNumpySaves) {
  // Lengths and text as numpy.save of NumPy 1.24 writes them.
  const std::string matrix = SerializeNpy(MatrixView<const double>(
      std::vector<double>{1, 2, 3, 4, 5, 6}.data(), 2, 3));
  std::string expected =
      "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }";
  expected.resize(117, ' ');
  expected += '\n';
  EXPECT_EQ(matrix, Npy(expected, Bytes<double>({1, 2, 3, 4, 5, 6})));

  expected = "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }";
  expected.resize(117, ' ');
  expected += '\n';
  EXPECT_EQ(SerializeNpy(absl::Span<const int64_t>({-1, 7})),
            Npy(expected, Bytes<int64_t>({-1, 7})));
}

TEST(SerializeNpyTest, SkipsPadding) {
  const std::vector<int64_t> padded = {1, 2, -9, 3, 4, -9};
  EXPECT_THAT(SerializeNpy(MatrixView<const int64_t>(padded.data(), 2, 2, 3)),
              SerializeNpy(MatrixView<const int64_t>(
                  std::vector<int64_t>{1, 2, 3, 4}.data(), 2, 2)));
}

TEST(SerializeNpyTest, EmptyShapes) {
  EXPECT_EQ(SerializeNpy(absl::Span<const double>()).size(), 128u);
  const absl::StatusOr<Matrix<double>> matrix =
      ParseNpyMatrix(SerializeNpy(MatrixView<const double>(nullptr, 0, 3)));
  ASSERT_THAT(matrix, IsOk());
  EXPECT_EQ(matrix->rows(), 0);
  EXPECT_EQ(matrix->cols(), 3);
  EXPECT_THAT(ParseNpyVector(SerializeNpy(absl::Span<const double>())),
              IsOkAndHolds(IsEmpty()));
}

TEST(NpyFileTest, RoundTrips) {
  const std::string path = testing::TempDir() + "/npy_test_round_trip.npy";
  const std::vector<double> values = {0.1,
                                      -0.0,
                                      5e-324,
                                      std::numeric_limits<double>::infinity(),
                                      std::numeric_limits<double>::quiet_NaN(),
                                      -1.5};
  ASSERT_THAT(WriteNpy(path, values), IsOk());
  absl::StatusOr<std::vector<double>> vector = ReadNpyVector(path);
  ASSERT_THAT(vector, IsOk());
  EXPECT_EQ(Bytes(*vector), Bytes(values));

  ASSERT_THAT(WriteNpy(path, MatrixView<const double>(values.data(), 3, 2)),
              IsOk());
  absl::StatusOr<Matrix<double>> matrix = ReadNpyMatrix(path);
  ASSERT_THAT(matrix, IsOk());
  EXPECT_EQ(matrix->rows(), 3);
  EXPECT_EQ(std::memcmp(matrix->data(), values.data(), 6 * sizeof(double)), 0);

  const std::vector<int64_t> indices = {-1, 0,
                                        std::numeric_limits<int64_t>::max(),
                                        std::numeric_limits<int64_t>::min()};
  ASSERT_THAT(WriteNpy(path, indices), IsOk());
  EXPECT_THAT(ReadNpyIndices(path), IsOkAndHolds(indices));

  Matrix<int64_t> table = Matrix<int64_t>::Zeros(2, 2, 5);
  table(1, 0) = 8;
  ASSERT_THAT(WriteNpy(path, table.view()), IsOk());
  absl::StatusOr<Matrix<int64_t>> table_read = ReadNpyIndexMatrix(path);
  ASSERT_THAT(table_read, IsOk());
  EXPECT_THAT(Rows(*table_read), ElementsAre(ElementsAre(0, 0),  //
                                             ElementsAre(8, 0)));
}

TEST(NpyFileTest, ErrorsNameTheFile) {
  const std::string path = testing::TempDir() + "/npy_test_errors.npy";
  ASSERT_THAT(WriteFileAtomically(path, "text"), IsOk());
  const std::string problem =
      path +
      ": not a .npy file: expected it to begin with '\\x93NUMPY', found 'text'";
  EXPECT_THAT(ReadNpyMatrix(path), StatusIs(kInvalid, problem));
  EXPECT_THAT(ReadNpyVector(path), StatusIs(kInvalid, problem));
  EXPECT_THAT(ReadNpyIndices(path), StatusIs(kInvalid, problem));
  EXPECT_THAT(ReadNpyIndexMatrix(path), StatusIs(kInvalid, problem));
  EXPECT_THAT(
      ReadNpyMatrix(path + ".missing"),
      StatusIs(absl::StatusCode::kNotFound,
               path + ".missing: cannot open: No such file or directory"));
}

// What numpy.save writes of any array of numbers.
TEST(ParseNpyTest, Dtypes) {
  const auto values = [](std::string_view descr, const std::string& data) {
    return ParseNpyVector(Npy(Dictionary(descr, "(2,)"), data));
  };
  const auto indices = [](std::string_view descr, const std::string& data) {
    return ParseNpyIndices(Npy(Dictionary(descr, "(2,)"), data));
  };
  EXPECT_THAT(values("<f4", Bytes<float>({0.1f, -3})),
              IsOkAndHolds(ElementsAre(static_cast<double>(0.1f), -3)));
  EXPECT_THAT(values("=f8", Bytes<double>({0.1, -3})),
              IsOkAndHolds(ElementsAre(0.1, -3)));
  EXPECT_THAT(values(">f4", std::string("\x3f\xc0\0\0\xc0\0\0\0", 8)),
              IsOkAndHolds(ElementsAre(1.5, -2)));
  EXPECT_THAT(values(">f8", std::string("\x3f\xf8\0\0\0\0\0\0"
                                        "\xc0\0\0\0\0\0\0\0",
                                        16)),
              IsOkAndHolds(ElementsAre(1.5, -2)));
  EXPECT_THAT(indices("<i4", Bytes<int32_t>({-1, 2147483647})),
              IsOkAndHolds(ElementsAre(-1, 2147483647)));
  EXPECT_THAT(indices(">i8", std::string("\0\0\0\0\0\0\1\2"
                                         "\xff\xff\xff\xff\xff\xff\xff\xfe",
                                         16)),
              IsOkAndHolds(ElementsAre(258, -2)));
  EXPECT_THAT(indices("|i1", Bytes<int8_t>({-128, 127})),
              IsOkAndHolds(ElementsAre(-128, 127)));
  EXPECT_THAT(indices("|u1", Bytes<uint8_t>({0, 255})),
              IsOkAndHolds(ElementsAre(0, 255)));
  EXPECT_THAT(indices("<i2", Bytes<int16_t>({-32768, 7})),
              IsOkAndHolds(ElementsAre(-32768, 7)));
  EXPECT_THAT(indices("<u2", Bytes<uint16_t>({65535, 7})),
              IsOkAndHolds(ElementsAre(65535, 7)));
  EXPECT_THAT(indices("<u4", Bytes<uint32_t>({4294967295, 7})),
              IsOkAndHolds(ElementsAre(4294967295, 7)));
  EXPECT_THAT(indices("<u8", Bytes<uint64_t>({9223372036854775807u, 7})),
              IsOkAndHolds(ElementsAre(9223372036854775807, 7)));
  for (const char* descr : {"<i8", "<u8"}) {
    EXPECT_THAT(values(descr, Bytes<int64_t>({1LL << 53, 7})),
                IsOkAndHolds(ElementsAre(9007199254740992, 7)));
  }
  EXPECT_THAT(values("|u1", Bytes<uint8_t>({0, 255})),
              IsOkAndHolds(ElementsAre(0, 255)));
}

TEST(ParseNpyTest, HalfFloats) {
  const auto half = [](uint16_t bits) {
    return ParseNpyVector(
               Npy(Dictionary("<f2", "(1,)"), Bytes<uint16_t>({bits})))
        .value()[0];
  };
  EXPECT_EQ(half(0x3c00), 1);
  EXPECT_EQ(half(0xc100), -2.5);
  EXPECT_EQ(half(0x7bff), 65504);           // the greatest
  EXPECT_EQ(half(0x0400), 0x1p-14);         // the least that is normal
  EXPECT_EQ(half(0x03ff), 1023 * 0x1p-24);  // subnormal
  EXPECT_EQ(half(0x8001), -0x1p-24);
  EXPECT_EQ(std::signbit(half(0x8000)), true);
  EXPECT_EQ(half(0x7c00), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(half(0x7e00)));
}

// Every number keeps its value, or is an error that says where it is.
TEST(ParseNpyTest, IntegersThatWouldBeRounded) {
  EXPECT_EQ(MatrixError(Npy(Dictionary("<i8", "(2, 2)"),
                            Bytes<int64_t>({1, 2, 1700000000000000003, 4}))),
            "row 1, column 0 is 1700000000000000003, an integer that float64 "
            "cannot hold; subtract an offset, so that numbers stay below 2^53");
  for (const int64_t number : {(int64_t{1} << 53) + 1, -(int64_t{1} << 53) - 1,
                               std::numeric_limits<int64_t>::max()}) {
    EXPECT_THAT(
        MatrixError(Npy(Dictionary("<i8", "(1,)"), Bytes<int64_t>({number}))),
        testing::HasSubstr("float64 cannot hold"));
  }
  EXPECT_THAT(MatrixError(Npy(Dictionary("<u8", "(1,)"),
                              Bytes<uint64_t>({~uint64_t{0}}))),
              testing::HasSubstr("is 18446744073709551615, an integer that"));
  EXPECT_THAT(ParseNpyIndices(Npy(Dictionary("<u8", "(2,)"),
                                  Bytes<uint64_t>({1, 1ull << 63}))),
              StatusIs(kInvalid,
                       "row 1, column 0 is 9223372036854775808, which is no "
                       "row number"));
  // A power of two is held, however great.
  EXPECT_THAT(ParseNpyVector(Npy(Dictionary("<u8", "(1,)"),
                                 Bytes<uint64_t>({1ull << 63}))),
              IsOkAndHolds(ElementsAre(0x1p63)));
}

TEST(ParseNpyTest, FortranOrder) {
  const std::string data = Bytes<double>({1, 4, 2, 5, 3, 6});
  absl::StatusOr<Matrix<double>> matrix =
      ParseNpyMatrix(Npy(Dictionary("<f8", "(2, 3)", "True"), data));
  ASSERT_THAT(matrix, IsOk());
  EXPECT_THAT(Rows(*matrix),
              ElementsAre(ElementsAre(1, 2, 3), ElementsAre(4, 5, 6)));
  EXPECT_THAT(ParseNpyVector(Npy(Dictionary("<f8", "(6,)", "True"), data)),
              IsOkAndHolds(ElementsAre(1, 4, 2, 5, 3, 6)));
}

TEST(ParseNpyTest, ColumnsAndVectors) {
  const std::string data = Bytes<int64_t>({7, 8});
  const std::string vector = Npy(Dictionary("<i8", "(2,)"), data);
  const std::string column = Npy(Dictionary("<i8", "(2, 1)"), data);
  for (const std::string& file : {vector, column}) {
    EXPECT_THAT(ParseNpyIndices(file), IsOkAndHolds(ElementsAre(7, 8)));
    absl::StatusOr<Matrix<int64_t>> matrix = ParseNpyIndexMatrix(file);
    ASSERT_THAT(matrix, IsOk());
    EXPECT_THAT(Rows(*matrix), ElementsAre(ElementsAre(7), ElementsAre(8)));
  }
  EXPECT_THAT(ParseNpyIndices(Npy(Dictionary("<i8", "(1, 2)"), data)),
              StatusIs(kInvalid, "shape (1, 2): expected (n,) or (n, 1)"));
}

TEST(ParseNpyTest, VersionsAndSpellings) {
  const std::string data = Bytes<double>({1.5});
  for (const int major : {1, 2, 3}) {
    EXPECT_THAT(ParseNpyVector(Npy(Dictionary("<f8", "(1,)"), data, major)),
                IsOkAndHolds(ElementsAre(1.5)));
  }
  // Other order, quotes and spaces, and no comma at the end.
  EXPECT_THAT(
      ParseNpyVector(Npy(" {\"shape\" :( 1 , 1 ),\n'fortran_order':False,"
                         "\"descr\":\"<f8\"} \n",
                         data)),
      IsOkAndHolds(ElementsAre(1.5)));
  // Long integers, as Python 2 wrote them.
  EXPECT_THAT(ParseNpyVector(Npy(Dictionary("<f8", "(1L,)"), data)),
              IsOkAndHolds(ElementsAre(1.5)));
  EXPECT_THAT(ParseNpyVector(Npy(Dictionary("<f8", "(1L, 1L)"), data)),
              IsOkAndHolds(ElementsAre(1.5)));
}

TEST(ParseNpyTest, BadDtypes) {
  const auto error = [](std::string_view descr) {
    return MatrixError(Npy(Dictionary(descr, "(1,)"), Bytes<double>({1})));
  };
  EXPECT_EQ(error("|O"),
            "dtype '|O': the elements are Python objects; save plain numbers");
  EXPECT_EQ(error("<c16"),
            "dtype '<c16': the elements are complex numbers; save real ones");
  EXPECT_EQ(error("|b1"),
            "dtype '|b1': the elements are booleans; of a mask save the row "
            "numbers (numpy.flatnonzero)");
  EXPECT_EQ(error("<U3"), "dtype '<U3': the elements are text; save numbers");
  EXPECT_EQ(error("|S8"), "dtype '|S8': the elements are text; save numbers");
  EXPECT_EQ(error("<M8[ns]"),
            "dtype '<M8[ns]': the elements are times; subtract an origin, "
            "divide by a unit, and save numbers");
  EXPECT_EQ(error("|V8"),
            "dtype '|V8': the elements are raw bytes or records; save plain "
            "numbers");
  EXPECT_EQ(error("<f16"),
            "dtype '<f16': only floats of 2, 4 and 8 bytes are read; save "
            "float64");
  EXPECT_EQ(error("<i3"),
            "dtype '<i3': only integers of 1, 2, 4 and 8 bytes are read");
  EXPECT_EQ(error("<x8"),
            "dtype '<x8': the elements are of a kind that is "
            "unknown here; save numbers");
  for (const char* descr : {"", "<", ">"}) {
    EXPECT_EQ(error(descr), absl::StrCat("dtype '", descr, "': names no type"));
  }
  for (const char* descr : {"<f", "<f88", "<i", "f1", "<f4 "}) {
    EXPECT_THAT(error(descr), testing::HasSubstr("are read"));
  }
  EXPECT_THAT(
      ParseNpyIndices(Npy(Dictionary("<f8", "(1,)"), Bytes<double>({1}))),
      StatusIs(kInvalid,
               "dtype '<f8': the elements are real numbers, where row numbers "
               "are wanted; save integers"));
  EXPECT_EQ(
      MatrixError(Npy("{'descr': [('a', '<f8')], 'fortran_order': False, "
                      "'shape': (1,), }",
                      Bytes<double>({1}))),
      "header: the array is structured: its elements have fields; save one "
      "array of plain numbers");
}

TEST(ParseNpyTest, BadShapes) {
  const auto error = [](std::string_view shape) {
    return MatrixError(Npy(Dictionary("<f8", shape), ""));
  };
  EXPECT_EQ(error("()"), "shape (): expected one or two dimensions");
  EXPECT_EQ(error("(0, 1, 2)"),
            "shape (0, 1, 2): expected one or two dimensions");
  EXPECT_EQ(error("(4294967296, 4294967296)"),
            "shape (4294967296, 4294967296): its size in bytes overflows");
  EXPECT_EQ(error("(9223372036854775807,)"),
            "shape (9223372036854775807,): its size in bytes overflows");
  EXPECT_EQ(error("(0, 9223372036854775807)"),
            "shape (0, 9223372036854775807): its size in bytes overflows");
  EXPECT_EQ(error("(9223372036854775808,)"),
            "header: shape: expected a length below 2^63, found "
            "'9223372036854775808,), }'");
  EXPECT_EQ(error("(-1,)"),
            "header: shape: expected a length below 2^63, found '-1,), }'");
  EXPECT_EQ(error("3"), "header: expected '(', found '3, }'");
  EXPECT_EQ(error("(3, 2"),
            "header: shape: expected a length below 2^63, found '}'");
}

TEST(ParseNpyTest, BadHeaders) {
  const auto error = [](std::string_view dictionary) {
    return MatrixError(Npy(dictionary, ""));
  };
  EXPECT_EQ(error(""), "header: expected '{', found ''");
  EXPECT_EQ(error("{}"),
            "header: expected the keys 'descr', 'fortran_order' and 'shape'");
  EXPECT_EQ(error("{'shape': (1,)"), "header: expected '}', found ''");
  EXPECT_EQ(error("{'shape': (1,), 'shape': (1,)}"),
            "header: repeated key 'shape'");
  EXPECT_EQ(error("{'size': 3}"), "header: unknown key 'size'");
  EXPECT_EQ(error("{'descr': '<f8}"),
            R"(header: expected a string, found '\'<f8}')");
  EXPECT_EQ(error(Dictionary("<f8", "(0,)", "1")),
            R"(header: expected True or False, found '1, \'shape\': (0,), }')");
  EXPECT_EQ(error(Dictionary("<f8", "(0,)") + "\x01"),
            "header: expected its end, found '\\x01'");
}

TEST(ParseNpyTest, TruncatedAtEveryByte) {
  const std::vector<double> values = {1, 2, 3};
  const std::string file = SerializeNpy(values);
  for (size_t size = 0; size < file.size(); ++size) {
    EXPECT_THAT(ParseNpyVector(file.substr(0, size)), StatusIs(kInvalid))
        << size;
  }
  EXPECT_EQ(MatrixError(file.substr(0, 7)),
            "truncated: has 1 of 2 bytes of format version; copy or write the "
            "file again");
  EXPECT_EQ(MatrixError(file.substr(0, 9)),
            "truncated: has 1 of 2 bytes of header length; copy or write the "
            "file again");
  EXPECT_EQ(MatrixError(file.substr(0, 100)),
            "truncated: has 90 of 118 bytes of header; copy or write the file "
            "again");
  EXPECT_EQ(
      MatrixError(file.substr(0, 151)),
      "truncated: has 23 of 24 bytes of data for shape (3,); copy or write "
      "the file again");
  EXPECT_EQ(MatrixError(file + "x"),
            "trailing bytes: expected 24 bytes of data for shape (3,), found "
            "25");
}

TEST(ParseNpyTest, LyingHeadersAllocateNothing) {
  // Terabytes by the header, none in the file.
  EXPECT_EQ(
      MatrixError(Npy(Dictionary("<f8", "(1000000, 1000000)"), "")),
      "truncated: has 0 of 8000000000000 bytes of data for shape (1000000, "
      "1000000); copy or write the file again");
  EXPECT_EQ(MatrixError("\x93NUMPY\x02" + std::string("\0\xff\xff\xff\xff", 5)),
            "truncated: has 0 of 4294967295 bytes of header; copy or write the "
            "file again");
}

TEST(ParseNpyTest, BadVersions) {
  std::string file = Npy(Dictionary("<f8", "(0,)"), "");
  file[6] = 4;
  EXPECT_EQ(MatrixError(file),
            "unsupported format version 4.0: expected 1.0, 2.0 or 3.0");
  file[6] = 1;
  file[7] = 1;
  EXPECT_EQ(MatrixError(file),
            "unsupported format version 1.1: expected 1.0, 2.0 or 3.0");
}

TEST(ParseNpyTest, AnyBytesGiveAResultOrAnError) {
  const std::vector<std::string> seeds = {
      Npy(Dictionary("<f8", "(2, 3)"), std::string(48, 'x')),
      Npy(Dictionary("<f4", "(3, 2)", "True"), std::string(24, 'x'), 2),
      Npy(Dictionary("<i8", "(4,)"), std::string(32, 'x')),
      Npy(Dictionary("<i4", "(4, 1)", "True"), std::string(16, 'x'), 3)};
  // Bytes that mean something somewhere come more often.
  const std::string_view meaningful = "0123456789(){},:'\"<>fiu1248L TF\xff";
  RandomStream stream(1, 0);
  int accepted = 0;
  for (int round = 0; round < 100000; ++round) {
    std::string bytes = seeds[stream.UniformBelow(seeds.size())];
    for (uint64_t edits = stream.UniformBelow(4); edits > 0; --edits) {
      const size_t at = stream.UniformBelow(bytes.size());
      const char byte =
          stream.UniformBelow(4) == 0
              ? static_cast<char>(stream.Next64())
              : meaningful[stream.UniformBelow(meaningful.size())];
      switch (stream.UniformBelow(3)) {
        case 0:
          bytes[at] = byte;
          break;
        case 1:
          bytes.insert(at, 1, byte);
          break;
        default:
          bytes.erase(at, 1);
      }
    }
    accepted += ParseNpyMatrix(bytes).ok() + ParseNpyVector(bytes).ok() +
                ParseNpyIndexMatrix(bytes).ok() + ParseNpyIndices(bytes).ok();
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace rct
