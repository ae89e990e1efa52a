#include "base/fvecs.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/matrix.h"
#include "base/status_macros.h"

namespace rct {
namespace {

static_assert(std::endian::native == std::endian::little);

template <class T>
T Load(const char* bytes) {
  T value;  // The file is not aligned.
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace

absl::StatusOr<Matrix<double>> ParseFvecs(std::string_view bytes) {
  const int64_t size = static_cast<int64_t>(bytes.size());
  const auto truncated = [&](int64_t vector) {
    return absl::InvalidArgumentError(absl::StrCat(
        "truncated: ends, after ", size, " bytes, within vector ", vector));
  };
  if (size == 0)
    return absl::InvalidArgumentError(
        "is empty; a file of vectors has at least one");
  if (size < static_cast<int64_t>(sizeof(int32_t))) return truncated(0);
  const int32_t dim = Load<int32_t>(bytes.data());
  // A file of another kind has text or zeros where the dimension should be.
  if (dim < 1 || dim > kMaxColumns) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a .fvecs file: it begins with the dimension ", dim,
                     ", which must be from 1 to ", kMaxColumns));
  }
  const int64_t vector_bytes = sizeof(int32_t) + sizeof(float) * int64_t{dim};
  const int64_t count = size / vector_bytes;
  Matrix<double> vectors(count, dim);
  for (int64_t i = 0; i < count; ++i) {
    const char* vector = bytes.data() + i * vector_bytes;
    if (const int32_t found = Load<int32_t>(vector); found != dim) {
      return absl::InvalidArgumentError(
          absl::StrCat("vector ", i, ": has dimension ", found,
                       ", those before it have ", dim));
    }
    for (int64_t j = 0; j < dim; ++j) {
      vectors(i, j) = Load<float>(vector + sizeof(int32_t) + j * sizeof(float));
    }
  }
  if (count * vector_bytes != size) return truncated(count);
  return vectors;
}

absl::StatusOr<Matrix<double>> ReadFvecs(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  absl::StatusOr<Matrix<double>> vectors = ParseFvecs(bytes);
  if (!vectors.ok()) return Annotate(vectors.status(), path);
  return vectors;
}

}  // namespace rct
