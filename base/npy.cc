#include "base/npy.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/npy_header.h"
#include "base/quote.h"
#include "base/status_macros.h"

namespace rct {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr size_t kDataAlignment = 64;

// The dtype of files written from elements T.
template <class T>
constexpr std::string_view kWritten = "<f8";
template <>
constexpr std::string_view kWritten<int64_t> = "<i8";

// The type of an array's elements: kind ('f', 'i' or 'u'), bytes and order.
struct Dtype {
  char kind = 'f';
  int bytes = 0;
  bool big_endian = false;
};

// A file as its header describes it. `data` has the size that follows from the
// header.
struct Array {
  std::vector<int64_t> shape;  // one or two lengths
  bool fortran_order = false;
  Dtype dtype;
  std::string_view data;

  int64_t rows() const { return shape[0]; }
  int64_t cols() const { return shape.size() == 2 ? shape[1] : 1; }
};

// Names the elements of a kind that no reader takes, and the remedy.
std::string_view Refusal(char kind) {
  switch (kind) {
    case 'b':
      return "booleans; of a mask save the row numbers (numpy.flatnonzero)";
    case 'c':
      return "complex numbers; save real ones";
    case 'O':
      return "Python objects; save plain numbers";
    case 'S':
    case 'U':
    case 'a':
      return "text; save numbers";
    case 'M':
    case 'm':
      return "times; subtract an origin, divide by a unit, and save numbers";
    case 'V':
      return "raw bytes or records; save plain numbers";
    default:
      return "of a kind that is unknown here; save numbers";
  }
}

// The sizes in bytes that are read, of floats and of integers.
constexpr std::string_view kSizesOf[] = {"248", "1248"};

// Parses the dtype of values (T = double, to which integers widen) or of
// indices (T = int64_t).
template <class T>
absl::StatusOr<Dtype> ParseDtype(std::string_view descr) {
  const auto error = [descr](std::string_view problem) {
    return absl::InvalidArgumentError(
        absl::StrCat("dtype ", Quote(descr), ": ", problem));
  };
  std::string_view rest = descr;
  Dtype dtype;
  dtype.big_endian = absl::ConsumePrefix(&rest, ">");
  if (!dtype.big_endian && !rest.empty() &&
      absl::StrContains("<=|", rest.front())) {
    rest.remove_prefix(1);
  }
  if (rest.empty()) return error("names no type");
  dtype.kind = rest.front();
  rest.remove_prefix(1);
  const bool is_float = dtype.kind == 'f';
  if (!is_float && !absl::StrContains("iu", dtype.kind)) {
    return error(absl::StrCat("the elements are ", Refusal(dtype.kind)));
  }
  if (is_float && std::is_same_v<T, int64_t>) {
    return error(
        "the elements are real numbers, where row numbers are wanted; save "
        "integers");
  }
  if (rest.size() != 1 || !absl::StrContains(kSizesOf[!is_float], rest)) {
    return error(is_float ? "only floats of 2, 4 and 8 bytes are read; save "
                            "float64"
                          : "only integers of 1, 2, 4 and 8 bytes are read");
  }
  dtype.bytes = rest.front() - '0';
  return dtype;
}

// Returns the size of an array in bytes. NumPy's rule is that the product of
// the lengths other than zero must not overflow, even if another length is
// zero.
absl::StatusOr<size_t> DataBytes(const std::vector<int64_t>& shape,
                                 int64_t item_bytes) {
  int64_t bytes = item_bytes;
  bool empty = false;
  for (const int64_t length : shape) {
    if (length == 0) {
      empty = true;
    } else if (bytes > std::numeric_limits<int64_t>::max() / length) {
      return absl::InvalidArgumentError(absl::StrCat(
          "shape ", FormatNpyShape(shape), ": its size in bytes overflows"));
    } else {
      bytes *= length;
    }
  }
  return empty ? 0 : static_cast<size_t>(bytes);
}

template <class T>
absl::StatusOr<Array> ParseArray(std::string_view bytes) {
  RCT_ASSIGN_OR_RETURN(NpyHeader header, TakeNpyHeader(bytes));
  Array array;
  array.fortran_order = header.fortran_order;
  array.shape = std::move(header.shape);
  RCT_ASSIGN_OR_RETURN(array.dtype, ParseDtype<T>(header.descr));
  if (array.shape.size() != 1 && array.shape.size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", FormatNpyShape(array.shape),
                     ": expected one or two dimensions"));
  }
  RCT_ASSIGN_OR_RETURN(const size_t data_bytes,
                       DataBytes(array.shape, array.dtype.bytes));
  if (bytes.size() > data_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "trailing bytes: expected ", data_bytes, " bytes of data for shape ",
        FormatNpyShape(array.shape), ", found ", bytes.size()));
  }
  RCT_ASSIGN_OR_RETURN(
      array.data,
      TakeNpyPart(absl::StrCat("data for shape ", FormatNpyShape(array.shape)),
                  data_bytes, bytes));
  return array;
}

// A float of 16 bits (IEEE 754 binary16).
enum class Half : uint16_t {};

double Widen(Half half) {
  const auto bits = static_cast<uint16_t>(half);
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  double magnitude;
  if (exponent == 0x1f) {
    magnitude = fraction == 0 ? std::numeric_limits<double>::infinity()
                              : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(fraction, -24);
  } else {
    magnitude = std::ldexp(0x400 + fraction, exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}
template <class Source>
Source Widen(Source number) {
  return number;
}

// Makes `to` the number `from`; returns false if T has no such number.
template <class T, class Source>
bool Convert(Source from, T& to) {
  // An 8-bit number is not a character here.
  to = static_cast<T>(Widen(from));  // NOLINT(bugprone-signed-char-misuse)
  if constexpr (std::is_same_v<T, double>) {
    // 2^64 and 2^63 are the smallest doubles beyond the range of the integers.
    if constexpr (std::is_same_v<Source, uint64_t>) {
      return to < 0x1p64 && static_cast<uint64_t>(to) == from;
    } else if constexpr (std::is_same_v<Source, int64_t>) {
      return to < 0x1p63 && static_cast<int64_t>(to) == from;
    }
  } else if constexpr (std::is_same_v<Source, uint64_t>) {
    return from <= std::numeric_limits<int64_t>::max();
  }
  return true;
}

// Returns an element as messages show it.
template <class Source>
std::string Show(Source number) {
  return absl::StrCat(Widen(number));
}

// Copies the elements, of type Source, row by row to `target`.
template <class Source, class T>
absl::Status CopyElements(const Array& array, T* target) {
  // Rows without columns would take time and copy nothing.
  if (array.data.empty()) return absl::OkStatus();
  const int64_t rows = array.rows();
  const int64_t cols = array.cols();
  const int64_t row_step = array.fortran_order ? 1 : cols;
  const int64_t col_step = array.fortran_order ? rows : 1;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      char bytes[sizeof(Source)];
      std::copy_n(
          array.data.data() + (i * row_step + j * col_step) * sizeof(Source),
          sizeof(Source), bytes);
      if (array.dtype.big_endian) std::reverse(bytes, bytes + sizeof(Source));
      Source element;
      std::memcpy(&element, bytes, sizeof(Source));
      if (!Convert(element, *target++)) {
        return absl::InvalidArgumentError(absl::StrCat(
            "row ", i, ", column ", j, " is ", Show(element),
            std::is_same_v<T, double>
                ? ", an integer that float64 cannot hold; subtract an offset, "
                  "so that numbers stay below 2^53"
                : ", which is no row number"));
      }
    }
  }
  return absl::OkStatus();
}

// Copies the elements, of whatever type, row by row to `target`.
template <class T>
absl::Status Decode(const Array& array, T* target) {
  const auto [kind, bytes, big_endian] = array.dtype;
  if (kind == 'f') {
    if (bytes == 2) return CopyElements<Half>(array, target);
    if (bytes == 4) return CopyElements<float>(array, target);
    return CopyElements<double>(array, target);
  }
  if (kind == 'i') {
    if (bytes == 1) return CopyElements<int8_t>(array, target);
    if (bytes == 2) return CopyElements<int16_t>(array, target);
    if (bytes == 4) return CopyElements<int32_t>(array, target);
    return CopyElements<int64_t>(array, target);
  }
  if (bytes == 1) return CopyElements<uint8_t>(array, target);
  if (bytes == 2) return CopyElements<uint16_t>(array, target);
  if (bytes == 4) return CopyElements<uint32_t>(array, target);
  return CopyElements<uint64_t>(array, target);
}

template <class T>
absl::StatusOr<Matrix<T>> ParseMatrix(std::string_view bytes) {
  RCT_ASSIGN_OR_RETURN(const Array array, ParseArray<T>(bytes));
  Matrix<T> matrix(array.rows(), array.cols());
  RCT_RETURN_IF_ERROR(Decode(array, matrix.data()));
  return matrix;
}

template <class T>
absl::StatusOr<std::vector<T>> ParseVector(std::string_view bytes) {
  RCT_ASSIGN_OR_RETURN(const Array array, ParseArray<T>(bytes));
  if (array.cols() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "shape ", FormatNpyShape(array.shape), ": expected (n,) or (n, 1)"));
  }
  std::vector<T> values(array.rows());
  RCT_RETURN_IF_ERROR(Decode(array, values.data()));
  return values;
}

template <class Result>
absl::StatusOr<Result> ReadWith(
    absl::StatusOr<Result> (*parse)(std::string_view), const std::string& path,
    Monitor* monitor) {
  RCT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, monitor));
  absl::StatusOr<Result> result = parse(bytes);
  if (!result.ok()) return Annotate(result.status(), path);
  return result;
}

// Returns the bytes before the data, as numpy.save writes them: the data begins
// at a multiple of 64 bytes. Newer versions of NumPy leave room for the length
// of axis 0 to grow; for one or two dimensions the padded size is 128 bytes
// with and without that room.
template <class T>
std::string Preamble(absl::Span<const int64_t> shape) {
  std::string header = absl::StrCat(
      "{'descr': '", kWritten<T>,
      "', 'fortran_order': False, 'shape': ", FormatNpyShape(shape), ", }");
  constexpr size_t kLengthBytes = 2;
  const size_t before = kNpyMagic.size() + kNpyVersionBytes + kLengthBytes;
  const size_t unpadded = before + header.size() + 1;
  header.append(-unpadded % kDataAlignment, ' ');
  header += '\n';
  const uint16_t length = static_cast<uint16_t>(header.size());
  std::string preamble(kNpyMagic);
  preamble += {'\1', '\0', static_cast<char>(length & 0xff),
               static_cast<char>(length >> 8)};
  return preamble + header;
}

template <class T>
void AppendBytes(const T* values, int64_t count, std::string& bytes) {
  bytes.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

template <class T>
std::string SerializeMatrix(MatrixView<const T> matrix) {
  std::string bytes = Preamble<T>({matrix.rows, matrix.cols});
  bytes.reserve(bytes.size() + matrix.rows * matrix.cols * sizeof(T));
  for (int64_t i = 0; i < matrix.rows; ++i) {
    AppendBytes(matrix.row(i), matrix.cols, bytes);
  }
  return bytes;
}

template <class T>
std::string SerializeVector(absl::Span<const T> values) {
  const int64_t size = static_cast<int64_t>(values.size());
  std::string bytes = Preamble<T>({size});
  bytes.reserve(bytes.size() + size * sizeof(T));
  AppendBytes(values.data(), size, bytes);
  return bytes;
}

}  // namespace

absl::StatusOr<Matrix<double>> ReadNpyMatrix(const std::string& path,
                                             Monitor* monitor) {
  return ReadWith(ParseNpyMatrix, path, monitor);
}

absl::StatusOr<Matrix<int64_t>> ReadNpyIndexMatrix(const std::string& path,
                                                   Monitor* monitor) {
  return ReadWith(ParseNpyIndexMatrix, path, monitor);
}

absl::StatusOr<std::vector<double>> ReadNpyVector(const std::string& path,
                                                  Monitor* monitor) {
  return ReadWith(ParseNpyVector, path, monitor);
}

absl::StatusOr<std::vector<int64_t>> ReadNpyIndices(const std::string& path,
                                                    Monitor* monitor) {
  return ReadWith(ParseNpyIndices, path, monitor);
}

absl::Status WriteNpy(const std::string& path,
                      MatrixView<const double> matrix) {
  return WriteFileAtomically(path, SerializeNpy(matrix));
}

absl::Status WriteNpy(const std::string& path,
                      MatrixView<const int64_t> matrix) {
  return WriteFileAtomically(path, SerializeNpy(matrix));
}

absl::Status WriteNpy(const std::string& path,
                      absl::Span<const double> values) {
  return WriteFileAtomically(path, SerializeNpy(values));
}

absl::Status WriteNpy(const std::string& path,
                      absl::Span<const int64_t> indices) {
  return WriteFileAtomically(path, SerializeNpy(indices));
}

absl::StatusOr<Matrix<double>> ParseNpyMatrix(std::string_view bytes) {
  return ParseMatrix<double>(bytes);
}

absl::StatusOr<Matrix<int64_t>> ParseNpyIndexMatrix(std::string_view bytes) {
  return ParseMatrix<int64_t>(bytes);
}

absl::StatusOr<std::vector<double>> ParseNpyVector(std::string_view bytes) {
  return ParseVector<double>(bytes);
}

absl::StatusOr<std::vector<int64_t>> ParseNpyIndices(std::string_view bytes) {
  return ParseVector<int64_t>(bytes);
}

std::string SerializeNpy(MatrixView<const double> matrix) {
  return SerializeMatrix(matrix);
}

std::string SerializeNpy(MatrixView<const int64_t> matrix) {
  return SerializeMatrix(matrix);
}

std::string SerializeNpy(absl::Span<const double> values) {
  return SerializeVector(values);
}

std::string SerializeNpy(absl::Span<const int64_t> indices) {
  return SerializeVector(indices);
}

std::string NpyPreambleOfValues(int64_t rows, int64_t cols) {
  return Preamble<double>({rows, cols});
}

std::string NpyPreambleOfIndices(int64_t rows, int64_t cols) {
  return Preamble<int64_t>({rows, cols});
}

}  // namespace rct
