// Row-major matrices: MatrixView borrows, Matrix owns.
//
// Element (i, j) of a matrix is data[i * stride + j] with stride >= cols; the
// elements between cols and stride are padding without meaning. Sizes are
// int64_t, may be zero, and are never negative. Element access is unchecked.
//
// A view is a small value and is passed by value, as MatrixView<const T> if
// nothing is written. Its fields are public; Matrix has accessors of the same
// names.

#ifndef RCT_BASE_MATRIX_H_
#define RCT_BASE_MATRIX_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/aligned_buffer.h"
#include "base/check.h"

namespace rct {

// Borrows rows x cols elements. A view is valid as long as the memory is.
template <class T>
struct MatrixView {
  MatrixView() = default;
  MatrixView(T* data, int64_t rows, int64_t cols)
      : MatrixView(data, rows, cols, cols) {}
  MatrixView(T* data, int64_t rows, int64_t cols, int64_t stride)
      : data(data), rows(rows), cols(cols), stride(stride) {}

  // Converts MatrixView<U> to MatrixView<const U>.
  template <class U>  // NOLINTNEXTLINE(google-explicit-constructor)
  requires std::is_same_v<const U, T> MatrixView(MatrixView<U> other)
      : MatrixView(other.data, other.rows, other.cols, other.stride) {}

  T* row(int64_t i) const { return data + i * stride; }
  T& operator()(int64_t i, int64_t j) const { return data[i * stride + j]; }

  T* data = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;
};

// Owns rows x cols elements of a trivially copyable type in an AlignedBuffer,
// or shares or borrows them if the buffer does. Row 0 starts on a 64-byte
// boundary, and so does each row if stride is a multiple of 64 / sizeof(T). A
// matrix moves and is copied only by Copy() and Clone(); a moved-from matrix is
// 0x0.
template <class T>
class Matrix {
 public:
  // Makes a 0x0 matrix.
  Matrix() = default;

  // Allocates elements and padding with unspecified values. Negative sizes,
  // stride < cols and a size that overflows are programmer errors. Throws
  // std::bad_alloc if there is no memory.
  Matrix(int64_t rows, int64_t cols) : Matrix(rows, cols, cols) {}
  Matrix(int64_t rows, int64_t cols, int64_t stride)
      : buffer_(Elements(rows, cols, stride)),
        view_(buffer_.data(), rows, cols, stride) {}

  // Takes over `buffer`, which holds rows * stride elements.
  Matrix(AlignedBuffer<T> buffer, int64_t rows, int64_t cols, int64_t stride)
      : buffer_(std::move(buffer)), view_(buffer_.data(), rows, cols, stride) {
    RCT_CHECK(buffer_.size() == Elements(rows, cols, stride));
  }

  // Returns a matrix whose elements and padding are zero.
  static Matrix Zeros(int64_t rows, int64_t cols) {
    return Zeros(rows, cols, cols);
  }
  static Matrix Zeros(int64_t rows, int64_t cols, int64_t stride) {
    Matrix zeros(rows, cols, stride);
    for (T& element : zeros.buffer_) element = T();
    return zeros;
  }

  // Returns a copy of the elements of a view, without its padding.
  static Matrix Copy(MatrixView<const T> from) {
    Matrix copy(from.rows, from.cols);
    for (int64_t i = 0; i < from.rows; ++i) {
      std::copy_n(from.row(i), from.cols, copy.row(i));
    }
    return copy;
  }

  Matrix(Matrix&& other) noexcept
      : buffer_(std::move(other.buffer_)),
        view_(std::exchange(other.view_, {})) {}
  Matrix& operator=(Matrix&& other) noexcept {
    buffer_ = std::move(other.buffer_);
    view_ = std::exchange(other.view_, {});
    return *this;
  }

  // Returns a copy with the same stride.
  Matrix Clone() const {
    Matrix copy(rows(), cols(), stride());
    if (buffer_.size() > 0) {
      std::memcpy(copy.data(), data(), buffer_.size() * sizeof(T));
    }
    return copy;
  }

  // Returns a matrix over the same memory (see AlignedBuffer::Share).
  Matrix Share() const {
    return Matrix(buffer_.Share(), rows(), cols(), stride());
  }

  int64_t rows() const { return view_.rows; }
  int64_t cols() const { return view_.cols; }
  int64_t stride() const { return view_.stride; }

  T* data() { return view_.data; }
  const T* data() const { return view_.data; }
  MatrixView<T> view() { return view_; }
  MatrixView<const T> view() const { return view_; }
  T* row(int64_t i) { return view_.row(i); }
  const T* row(int64_t i) const { return view_.row(i); }
  T& operator()(int64_t i, int64_t j) { return view_(i, j); }
  const T& operator()(int64_t i, int64_t j) const { return view_(i, j); }

 private:
  static std::size_t Elements(int64_t rows, int64_t cols, int64_t stride) {
    RCT_CHECK(rows >= 0 && cols >= 0 && stride >= cols);
    RCT_CHECK(rows == 0 ||
              stride <= std::numeric_limits<int64_t>::max() / rows);
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(stride);
  }

  AlignedBuffer<T> buffer_;
  MatrixView<T> view_;
};

}  // namespace rct

#endif  // RCT_BASE_MATRIX_H_
