// Some rows of a .npy file, where the whole file is more than memory holds or
// others read the rest.
//
//     RCT_ASSIGN_OR_RETURN(const NpyRows file, NpyRows::Open(path));
//     RCT_ASSIGN_OR_RETURN(const Matrix<double> some,
//                          file.Read(first, count));
//
// Reads what npy.h reads, with its errors, and no other bytes of the file than
// those of the header and of these rows. The numbers are those of
// ReadNpyMatrix.

#ifndef RCT_BASE_NPY_ROWS_H_
#define RCT_BASE_NPY_ROWS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"

namespace rct {

class NpyRows {
 public:
  // Reads the header of a regular file, and compares what it says with the size
  // of the file.
  static absl::StatusOr<NpyRows> Open(const std::string& path);

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }

  // Returns rows [first, first + count). Row 0 of an error is row `first`.
  absl::StatusOr<Matrix<double>> Read(int64_t first, int64_t count) const;

 private:
  explicit NpyRows(std::string path) : path_(std::move(path)) {}

  absl::Status ReadHeader();
  // Returns a file of `rows` rows like this one, with these elements.
  std::string FileOf(int64_t rows, std::string_view data) const;

  std::string path_;
  std::string descr_;
  bool fortran_order_ = false;
  int64_t rows_ = 0;
  int64_t cols_ = 0;
  int64_t item_bytes_ = 0;
  int64_t data_at_ = 0;
};

}  // namespace rct

#endif  // RCT_BASE_NPY_ROWS_H_
