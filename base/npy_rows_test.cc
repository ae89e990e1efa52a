#include "base/npy_rows.h"

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::HasSubstr;

class NpyRowsTest : public FolderTest {
 protected:
  // Writes a file with this header and these elements.
  template <class T>
  std::string Write(const std::string& header, const std::vector<T>& elements) {
    std::string bytes(kNpyMagic);
    bytes += {'\1', '\0', static_cast<char>(header.size()), '\0'};
    bytes += header;
    bytes.append(reinterpret_cast<const char*>(elements.data()),
                 elements.size() * sizeof(T));
    const std::string path = Path("a.npy");
    EXPECT_THAT(WriteFileAtomically(path, bytes), IsOk());
    return path;
  }

  // Compares all runs of rows with those of the whole.
  static void ExpectRows(const std::string& path) {
    const Matrix<double> whole = ReadNpyMatrix(path).value();
    const absl::StatusOr<NpyRows> file = NpyRows::Open(path);
    ASSERT_THAT(file, IsOk());
    ASSERT_EQ(file->rows(), whole.rows());
    ASSERT_EQ(file->cols(), whole.cols());
    for (int64_t first = 0; first <= whole.rows(); ++first) {
      for (int64_t count = 0; first + count <= whole.rows(); ++count) {
        const absl::StatusOr<Matrix<double>> rows = file->Read(first, count);
        ASSERT_THAT(rows, IsOk());
        ASSERT_EQ(rows->rows(), count);
        for (int64_t i = 0; i < count; ++i) {
          for (int64_t j = 0; j < whole.cols(); ++j) {
            EXPECT_EQ((*rows)(i, j), whole(first + i, j));
          }
        }
      }
    }
  }
};

TEST_F(NpyRowsTest, HasTheNumbersOfTheWhole) {
  ExpectRows(
      Write<double>("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2)}",
                    {1, 2, 3, 4, 5, 6}));
  ExpectRows(
      Write<float>("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 2)}",
                   {1, 2, 3, 4, 5, 6}));
  ExpectRows(Write<int16_t>(
      "{'descr': '>i2', 'fortran_order': False, 'shape': (4,)}", {1, 2, 3, 4}));
  ExpectRows(Write<double>(
      "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 2)}", {}));
}

TEST_F(NpyRowsTest, SaysWhatIsWrong) {
  const auto error = [](const std::string& path) {
    return std::string(NpyRows::Open(path).status().message());
  };
  EXPECT_THAT(NpyRows::Open(Path("none.npy")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.npy: ")));
  EXPECT_THAT(error(Path("")), HasSubstr("no regular file"));
  EXPECT_THAT(error(Write<double>(
                  "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2)}",
                  {1, 2, 3, 4, 5})),
              HasSubstr("a.npy: truncated: shape (3, 2)"));
  EXPECT_THAT(error(Write<double>(
                  "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2)}",
                  {1, 2, 3, 4, 5})),
              HasSubstr("trailing bytes"));
  EXPECT_THAT(
      error(Write<double>(
          "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1, 1)}", {1})),
      HasSubstr("shape (1, 1, 1): expected one or two dimensions"));
  EXPECT_THAT(
      error(Write<double>(
          "{'descr': '<c8', 'fortran_order': False, 'shape': (1,)}", {1})),
      HasSubstr("complex numbers"));
  EXPECT_THAT(error(Write<double>("no header", {})), HasSubstr("header: "));
  const int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(error(Write<double>(
                  absl::StrCat("{'descr': '<f8', 'fortran_order': False, "
                               "'shape': (",
                               most, ", 2)}"),
                  {1})),
              HasSubstr("truncated"));
  const absl::StatusOr<NpyRows> rounded = NpyRows::Open(Write<int64_t>(
      "{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}", {1, most}));
  EXPECT_THAT(rounded->Read(1, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("a.npy: row 0, column 0 is")));
}

}  // namespace
}  // namespace rct
