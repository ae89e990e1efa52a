#include "base/npy_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/npy_header.h"
#include "base/status_macros.h"
#include "base/system_call.h"

namespace rct {
namespace {

// Returns a descriptor, or -1 with errno. Does not wait for a pipe's other end.
int OpenToRead(const std::string& path) {
  return Uninterrupted(
      [&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); });
}

// Appends `count` bytes from `offset` on, or those up to the end of the file.
absl::Status AppendRange(int fd, int64_t offset, int64_t count,
                         std::string& bytes) {
  // A single call transfers less than 2^31 bytes.
  constexpr int64_t kMost = int64_t{1} << 30;
  size_t size = bytes.size();
  bytes.resize(size + count);
  while (count > 0) {
    const ssize_t got = Uninterrupted([&] {
      return pread(fd, bytes.data() + size, std::min(count, kMost), offset);
    });
    if (got < 0) return absl::ErrnoToStatus(errno, "cannot read");
    if (got == 0) break;
    size += got;
    offset += got;
    count -= got;
  }
  bytes.resize(size);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NpyRows> NpyRows::Open(const std::string& path) {
  NpyRows rows(path);
  const absl::Status status = rows.ReadHeader();
  if (!status.ok()) return Annotate(status, path);
  return rows;
}

std::string NpyRows::FileOf(int64_t rows, std::string_view data) const {
  std::string header =
      absl::StrCat("{'descr': '", descr_,
                   "', 'fortran_order': ", fortran_order_ ? "True" : "False",
                   ", 'shape': ", FormatNpyShape({rows, cols_}), "}\n");
  const auto length = static_cast<uint16_t>(header.size());
  std::string file(kNpyMagic);
  file += {'\1', '\0', static_cast<char>(length & 0xff),
           static_cast<char>(length >> 8)};
  return absl::StrCat(file, header, data);
}

absl::Status NpyRows::ReadHeader() {
  const int fd = OpenToRead(path_);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot open");
  const absl::Cleanup closer = [fd] { close(fd); };
  struct stat info;
  if (fstat(fd, &info) != 0)
    return absl::ErrnoToStatus(errno, "cannot inspect");
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(
        "is no regular file, of which a part can be read");
  }
  // More than any header takes that describes numbers.
  constexpr int64_t kMostBytes = int64_t{1} << 16;
  std::string beginning;
  RCT_RETURN_IF_ERROR(AppendRange(
      fd, 0, std::min<int64_t>(info.st_size, kMostBytes), beginning));
  std::string_view rest = beginning;
  RCT_ASSIGN_OR_RETURN(const NpyHeader header, TakeNpyHeader(rest));
  data_at_ = static_cast<int64_t>(beginning.size() - rest.size());
  const auto& shape = header.shape;
  if (shape.size() != 1 && shape.size() != 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "shape ", FormatNpyShape(shape), ": expected one or two dimensions"));
  }
  descr_ = header.descr;
  fortran_order_ = header.fortran_order;
  rows_ = shape[0];
  cols_ = shape.size() == 2 ? shape[1] : 1;
  // A file of no rows has an element type, which is read or is not.
  RCT_RETURN_IF_ERROR(ParseNpyMatrix(FileOf(0, "")).status());
  item_bytes_ = descr_.back() - '0';
  // Bytes of a row are below 2^63.
  const __int128 expected = __int128{rows_} * cols_ * item_bytes_;
  const int64_t found = info.st_size - data_at_;
  if (expected != found) {
    return absl::InvalidArgumentError(absl::StrCat(
        expected > found ? "truncated" : "trailing bytes", ": shape ",
        FormatNpyShape(shape), " and dtype '", descr_, "' do not take the ",
        found, " bytes of data that there are"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Matrix<double>> NpyRows::Read(int64_t first,
                                             int64_t count) const {
  const int fd = OpenToRead(path_);
  if (fd < 0) return Annotate(absl::ErrnoToStatus(errno, "cannot open"), path_);
  const absl::Cleanup closer = [fd] { close(fd); };
  // Runs of neighboring elements: all rows together, or those of a column.
  const int64_t runs = fortran_order_ ? cols_ : 1;
  const int64_t of_row = fortran_order_ ? 1 : cols_;
  std::string data;
  for (int64_t j = 0; j < runs; ++j) {
    RCT_RETURN_IF_ERROR(Annotate(
        AppendRange(fd, data_at_ + (j * rows_ + first * of_row) * item_bytes_,
                    count * of_row * item_bytes_, data),
        path_));
  }
  absl::StatusOr<Matrix<double>> rows = ParseNpyMatrix(FileOf(count, data));
  if (!rows.ok()) return Annotate(rows.status(), path_);
  return rows;
}

}  // namespace rct
