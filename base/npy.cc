#include "base/npy.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/quote.h"
#include "base/status_macros.h"

namespace rct {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr size_t kVersionBytes = 2;
constexpr size_t kDataAlignment = 64;

// What a reader of T takes, and what a writer of T writes (kWide).
template <class T>
struct Dtypes;
template <>
struct Dtypes<double> {
  using Narrow = float;
  static constexpr std::string_view kNarrow = "<f4";
  static constexpr std::string_view kWide = "<f8";
};
template <>
struct Dtypes<int64_t> {
  using Narrow = int32_t;
  static constexpr std::string_view kNarrow = "<i4";
  static constexpr std::string_view kWide = "<i8";
};

// As Python prints a tuple.
std::string FormatShape(absl::Span<const int64_t> shape) {
  return absl::StrCat("(", absl::StrJoin(shape, ", "),
                      shape.size() == 1 ? ",)" : ")");
}

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

// The header is the text of a Python dictionary with the keys of Header, each
// once, in any order.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : rest_(text) {}

  absl::StatusOr<Header> Parse() {
    Header header;
    bool has_descr = false, has_order = false, has_shape = false;
    RCT_RETURN_IF_ERROR(Expect('{'));
    while (!Skip('}')) {
      RCT_ASSIGN_OR_RETURN(const std::string key, ParseString());
      RCT_RETURN_IF_ERROR(Expect(':'));
      bool repeated;
      if (key == "descr") {
        repeated = std::exchange(has_descr, true);
        RCT_ASSIGN_OR_RETURN(header.descr, ParseString());
      } else if (key == "fortran_order") {
        repeated = std::exchange(has_order, true);
        RCT_ASSIGN_OR_RETURN(header.fortran_order, ParseBool());
      } else if (key == "shape") {
        repeated = std::exchange(has_shape, true);
        RCT_ASSIGN_OR_RETURN(header.shape, ParseShape());
      } else {
        return Error(absl::StrCat("unknown key ", Quote(key)));
      }
      if (repeated) return Error(absl::StrCat("repeated key ", Quote(key)));
      if (!Skip(',')) {
        RCT_RETURN_IF_ERROR(Expect('}'));
        break;
      }
    }
    SkipSpace();
    if (!rest_.empty()) {
      return Error(absl::StrCat("expected its end, found ", Quote(rest_)));
    }
    if (!has_descr || !has_order || !has_shape) {
      return Error("expected the keys 'descr', 'fortran_order' and 'shape'");
    }
    return header;
  }

 private:
  static absl::Status Error(std::string_view problem) {
    return absl::InvalidArgumentError(absl::StrCat("header: ", problem));
  }

  void SkipSpace() { rest_ = absl::StripLeadingAsciiWhitespace(rest_); }

  bool Skip(char c) {
    SkipSpace();
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  absl::Status Expect(char c) {
    if (Skip(c)) return absl::OkStatus();
    return Error(absl::StrCat("expected '", std::string(1, c), "', found ",
                              Quote(rest_)));
  }

  // None of the strings that count here has an escape in it.
  absl::StatusOr<std::string> ParseString() {
    SkipSpace();
    if (!rest_.empty() && (rest_.front() == '\'' || rest_.front() == '"')) {
      const size_t end = rest_.find(rest_.front(), 1);
      if (end != rest_.npos) {
        std::string value(rest_.substr(1, end - 1));
        rest_.remove_prefix(end + 1);
        return value;
      }
    }
    return Error(absl::StrCat("expected a string, found ", Quote(rest_)));
  }

  absl::StatusOr<bool> ParseBool() {
    SkipSpace();
    if (absl::ConsumePrefix(&rest_, "True")) return true;
    if (absl::ConsumePrefix(&rest_, "False")) return false;
    return Error(absl::StrCat("expected True or False, found ", Quote(rest_)));
  }

  absl::StatusOr<std::vector<int64_t>> ParseShape() {
    std::vector<int64_t> shape;
    RCT_RETURN_IF_ERROR(Expect('('));
    while (!Skip(')')) {
      SkipSpace();
      const std::string_view digits =
          rest_.substr(0, rest_.find_first_not_of("0123456789"));
      int64_t length;
      if (!absl::SimpleAtoi(digits, &length)) {
        return Error(absl::StrCat("shape: expected a length below 2^63, found ",
                                  Quote(rest_)));
      }
      rest_.remove_prefix(digits.size());
      shape.push_back(length);
      if (!Skip(',')) {
        RCT_RETURN_IF_ERROR(Expect(')'));
        break;
      }
    }
    return shape;
  }

  std::string_view rest_;
};

// The file as its header describes it; checked against the bytes there are.
struct Array {
  std::vector<int64_t> shape;  // One or two lengths.
  bool fortran_order = false;
  bool narrow = false;
  std::string_view data;

  int64_t rows() const { return shape[0]; }
  int64_t cols() const { return shape.size() == 2 ? shape[1] : 1; }
};

template <class T>
absl::StatusOr<bool> IsNarrow(const std::string& descr) {
  if (descr == Dtypes<T>::kNarrow) return true;
  if (descr == Dtypes<T>::kWide) return false;
  std::string_view what = "unsupported dtype";
  if (absl::StartsWith(descr, ">")) what = "big-endian dtype";
  if (absl::StrContains(descr, "O")) what = "object array of dtype";
  return absl::InvalidArgumentError(absl::StrCat(
      "expected dtype ", Quote(Dtypes<T>::kWide), " or ",
      Quote(Dtypes<T>::kNarrow), ", found ", what, " ", Quote(descr)));
}

// The bytes that an array takes. NumPy's rule: lengths other than zero must not
// overflow, even where another is zero.
absl::StatusOr<size_t> DataBytes(const std::vector<int64_t>& shape,
                                 int64_t item_bytes) {
  int64_t bytes = item_bytes;
  bool empty = false;
  for (const int64_t length : shape) {
    if (length == 0) {
      empty = true;
    } else if (bytes > std::numeric_limits<int64_t>::max() / length) {
      return absl::InvalidArgumentError(absl::StrCat(
          "shape ", FormatShape(shape), ": its size in bytes overflows"));
    } else {
      bytes *= length;
    }
  }
  return empty ? 0 : static_cast<size_t>(bytes);
}

template <class T>
absl::StatusOr<Array> ParseArray(std::string_view bytes) {
  if (!absl::ConsumePrefix(&bytes, kMagic)) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a .npy file: expected it to begin with ",
                     Quote(kMagic), ", found ", Quote(bytes.substr(0, 6))));
  }
  const auto truncated = [](std::string_view what, size_t expected,
                            size_t found) {
    return absl::InvalidArgumentError(absl::StrCat("truncated: expected ",
                                                   expected, " bytes of ", what,
                                                   ", found ", found));
  };
  if (bytes.size() < kVersionBytes) {
    return truncated("format version", kVersionBytes, bytes.size());
  }
  const int major = static_cast<unsigned char>(bytes[0]);
  const int minor = static_cast<unsigned char>(bytes[1]);
  if (major < 1 || major > 3 || minor != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("unsupported format version ", major, ".", minor,
                     ": expected 1.0, 2.0 or 3.0"));
  }
  bytes.remove_prefix(kVersionBytes);

  const size_t length_bytes = major == 1 ? 2 : 4;
  if (bytes.size() < length_bytes) {
    return truncated("header length", length_bytes, bytes.size());
  }
  uint32_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), length_bytes);
  bytes.remove_prefix(length_bytes);
  if (bytes.size() < header_bytes) {
    return truncated("header", header_bytes, bytes.size());
  }
  RCT_ASSIGN_OR_RETURN(Header header,
                       HeaderParser(bytes.substr(0, header_bytes)).Parse());
  bytes.remove_prefix(header_bytes);

  Array array;
  array.data = bytes;
  array.fortran_order = header.fortran_order;
  array.shape = std::move(header.shape);
  RCT_ASSIGN_OR_RETURN(array.narrow, IsNarrow<T>(header.descr));
  if (array.shape.size() != 1 && array.shape.size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat("shape ", FormatShape(array.shape),
                     ": expected one or two dimensions"));
  }
  RCT_ASSIGN_OR_RETURN(
      const size_t data_bytes,
      DataBytes(array.shape,
                array.narrow ? sizeof(typename Dtypes<T>::Narrow) : sizeof(T)));
  if (bytes.size() < data_bytes) {
    return truncated("data", data_bytes, bytes.size());
  }
  if (bytes.size() > data_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "trailing bytes: expected ", data_bytes, " bytes of data for shape ",
        FormatShape(array.shape), ", found ", bytes.size()));
  }
  return array;
}

// The elements of type Source, row by row.
template <class Source, class T>
void CopyElements(const Array& array, T* target) {
  if (array.data.empty()) return;  // Not rows loops over no columns.
  const int64_t rows = array.rows();
  const int64_t cols = array.cols();
  const int64_t row_step = array.fortran_order ? 1 : cols;
  const int64_t col_step = array.fortran_order ? rows : 1;
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      Source element;  // The file is not aligned.
      std::memcpy(
          &element,
          array.data.data() + (i * row_step + j * col_step) * sizeof(Source),
          sizeof(Source));
      *target++ = static_cast<T>(element);
    }
  }
}

template <class T>
void Decode(const Array& array, T* target) {
  if (array.narrow) {
    CopyElements<typename Dtypes<T>::Narrow>(array, target);
  } else {
    CopyElements<T>(array, target);
  }
}

template <class T>
absl::StatusOr<Matrix<T>> ParseMatrix(std::string_view bytes) {
  RCT_ASSIGN_OR_RETURN(const Array array, ParseArray<T>(bytes));
  Matrix<T> matrix(array.rows(), array.cols());
  Decode(array, matrix.data());
  return matrix;
}

template <class T>
absl::StatusOr<std::vector<T>> ParseVector(std::string_view bytes) {
  RCT_ASSIGN_OR_RETURN(const Array array, ParseArray<T>(bytes));
  if (array.cols() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        "shape ", FormatShape(array.shape), ": expected (n,) or (n, 1)"));
  }
  std::vector<T> values(array.rows());
  Decode(array, values.data());
  return values;
}

template <class Result>
absl::StatusOr<Result> ReadWith(
    absl::StatusOr<Result> (*parse)(std::string_view),
    const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  absl::StatusOr<Result> result = parse(bytes);
  if (!result.ok()) return Annotate(result.status(), path);
  return result;
}

// Everything before the data, as numpy.save writes it: the data begins at a
// multiple of 64 bytes. Newer versions of NumPy leave room for the length of
// axis 0 to grow; for one or two dimensions padding comes to the same 128 bytes
// with and without.
template <class T>
std::string Preamble(absl::Span<const int64_t> shape) {
  std::string header = absl::StrCat(
      "{'descr': '", Dtypes<T>::kWide,
      "', 'fortran_order': False, 'shape': ", FormatShape(shape), ", }");
  constexpr size_t kLengthBytes = 2;
  const size_t before = kMagic.size() + kVersionBytes + kLengthBytes;
  const size_t unpadded = before + header.size() + 1;
  header.append(-unpadded % kDataAlignment, ' ');
  header += '\n';
  const uint16_t length = static_cast<uint16_t>(header.size());
  std::string preamble(kMagic);
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

absl::StatusOr<Matrix<double>> ReadNpyMatrix(const std::string& path) {
  return ReadWith(ParseNpyMatrix, path);
}

absl::StatusOr<Matrix<int64_t>> ReadNpyIndexMatrix(const std::string& path) {
  return ReadWith(ParseNpyIndexMatrix, path);
}

absl::StatusOr<std::vector<double>> ReadNpyVector(const std::string& path) {
  return ReadWith(ParseNpyVector, path);
}

absl::StatusOr<std::vector<int64_t>> ReadNpyIndices(const std::string& path) {
  return ReadWith(ParseNpyIndices, path);
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

}  // namespace rct
