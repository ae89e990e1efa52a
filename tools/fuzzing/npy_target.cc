// NumPy's files. What is read and written again is read as the same numbers.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "tools/fuzzing/target.h"

namespace rct {

const FuzzLimits kFuzzLimits = {.per_byte = 64, .constant = 1 << 16};

namespace {

template <class T>
void CheckSame(const Matrix<T>& a, const Matrix<T>& b) {
  RCT_CHECK(a.rows() == b.rows() && a.cols() == b.cols());
  if (a.cols() == 0) return;
  for (int64_t row = 0; row < a.rows(); ++row) {
    RCT_CHECK(std::memcmp(a.row(row), b.row(row), a.cols() * sizeof(T)) == 0);
  }
}

void Try(std::string_view bytes) {
  if (const auto matrix = ParseNpyMatrix(bytes); matrix.ok()) {
    CheckSame(ParseNpyMatrix(SerializeNpy(matrix->view())).value(), *matrix);
  }
  if (const auto rows = ParseNpyIndexMatrix(bytes); rows.ok()) {
    CheckSame(ParseNpyIndexMatrix(SerializeNpy(rows->view())).value(), *rows);
  }
  ParseNpyVector(bytes).status().IgnoreError();
  ParseNpyIndices(bytes).status().IgnoreError();
}

}  // namespace
}  // namespace rct

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rct::Try(rct::InputOf(data, size));
  return 0;
}
