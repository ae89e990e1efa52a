// NumPy's .npy files: vectors and matrices of numbers.
//
// Reads format versions 1.0, 2.0 and 3.0, little or big endian, C or Fortran
// order, one or two dimensions, of dtype
//
//     values     float16, float32, float64, and integers that float64 holds
//     indices    signed and unsigned integers of 8 to 64 bits
//
// and nothing else: real numbers are no indices, and booleans, complex numbers,
// times, text, objects and records are neither. Every number keeps its value:
// an integer that would be rounded (a time stamp in nanoseconds) is an error
// that names row and column. Writes version 1.0 in C order, float64 or int64,
// the same bytes as numpy.save.
//
// Readers trust no header. They compare its sizes with the size of the file
// before they allocate anything, so that any sequence of bytes gives a result
// or an error, in memory proportional to the file. Values may be infinite or
// NaN, and indices out of range.
//
// Errors of contents are kInvalidArgument and tell the expected and the actual
// contents; errors of the file itself have the codes of file.h. Messages start
// with the path.
//
// The format is described by numpy.lib.format in NumPy's reference.

#ifndef RCT_BASE_NPY_H_
#define RCT_BASE_NPY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"

namespace rct {

// The first bytes of every such file.
inline constexpr std::string_view kNpyMagic = "\x93NUMPY";

// Reads an array of shape (n, m), or of shape (n,) as a column n x 1. The
// result is row-major whatever the file's order is, with stride = cols.
absl::StatusOr<Matrix<double>> ReadNpyMatrix(const std::string& path,
                                             Monitor* monitor = nullptr);
absl::StatusOr<Matrix<int64_t>> ReadNpyIndexMatrix(const std::string& path,
                                                   Monitor* monitor = nullptr);

// Reads an array of shape (n,) or (n, 1).
absl::StatusOr<std::vector<double>> ReadNpyVector(const std::string& path,
                                                  Monitor* monitor = nullptr);
absl::StatusOr<std::vector<int64_t>> ReadNpyIndices(const std::string& path,
                                                    Monitor* monitor = nullptr);

// Writes a matrix as an array of shape (rows, cols), or a span as one of shape
// (n,), atomically (see WriteFileAtomically).
absl::Status WriteNpy(const std::string& path, MatrixView<const double> matrix);
absl::Status WriteNpy(const std::string& path,
                      MatrixView<const int64_t> matrix);
absl::Status WriteNpy(const std::string& path, absl::Span<const double> values);
absl::Status WriteNpy(const std::string& path,
                      absl::Span<const int64_t> indices);

// Parse and return the bytes of a file in memory.
absl::StatusOr<Matrix<double>> ParseNpyMatrix(std::string_view bytes);
absl::StatusOr<Matrix<int64_t>> ParseNpyIndexMatrix(std::string_view bytes);
absl::StatusOr<std::vector<double>> ParseNpyVector(std::string_view bytes);
absl::StatusOr<std::vector<int64_t>> ParseNpyIndices(std::string_view bytes);
std::string SerializeNpy(MatrixView<const double> matrix);
std::string SerializeNpy(MatrixView<const int64_t> matrix);
std::string SerializeNpy(absl::Span<const double> values);
std::string SerializeNpy(absl::Span<const int64_t> indices);

// Returns what stands before the elements, row after row, in the file of a
// rows x cols matrix: for files that are written piece by piece.
std::string NpyPreambleOfValues(int64_t rows, int64_t cols);
std::string NpyPreambleOfIndices(int64_t rows, int64_t cols);

}  // namespace rct

#endif  // RCT_BASE_NPY_H_
