#include "tools/mpi/shared_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file_path.h"
#include "base/replacement.h"
#include "base/status_macros.h"
#include "base/system_call.h"
#include "index/distributed/communicator.h"
#include "tools/mpi/file_guard.h"
#include "tools/mpi/rank_machine.h"
#include "tools/mpi/rank_signals.h"

namespace rct {
namespace {

// Gives a new file its size and, where the file system can, its room.
absl::Status Resize(int fd, const std::string& path, int64_t bytes) {
  if (bytes == 0 ||
      Uninterrupted([&] { return fallocate(fd, 0, 0, bytes); }) == 0) {
    return absl::OkStatus();
  }
  // What the file system lacks, and not the disk.
  const bool is_lacking =
      errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
  if (is_lacking && Uninterrupted([&] { return ftruncate(fd, bytes); }) == 0) {
    return absl::OkStatus();
  }
  return ErrnoError(path, "cannot write");
}

}  // namespace

SharedFiles::SharedFiles(Communicator& ranks, FileGuard& guard)
    : ranks_(ranks), guard_(guard) {}

SharedFiles::~SharedFiles() {
  for (const int fd : descriptors_) close(fd);
  UndoAll(replacements_);
}

absl::Status SharedFiles::OfRank(const absl::Status& status) const {
  if (ranks_.rank() == 0) return status;
  return Annotate(status,
                  absl::StrCat("rank ", ranks_.rank(), " on ", HostName()));
}

absl::Status SharedFiles::Create(const std::vector<SharedFile>& files) {
  for (const SharedFile& file : files) paths_.push_back(file.path);
  absl::Status own;
  if (ranks_.rank() == 0) own = CreateOnRankZero(files);
  RCT_RETURN_IF_ERROR(ranks_.Agree(own));
  std::string names = absl::StrJoin(
      replacements_, std::string_view("\0", 1),
      [](std::string* text, const Replacement& file) {
        std::error_code error;
        text->append(std::filesystem::absolute(file.temporary, error));
      });
  names = ranks_.Gather(names)[0];
  if (ranks_.rank() != 0) {
    own = OpenOnOtherRank(files, absl::StrSplit(names, '\0'));
  }
  return ranks_.Agree(own);
}

absl::Status SharedFiles::CreateOnRankZero(
    const std::vector<SharedFile>& files) {
  replacements_.resize(files.size());
  const absl::Status created = [&] {
    for (size_t i = 0; i < files.size(); ++i) {
      const auto& [flag, path, bytes] = files[i];
      absl::StatusOr<FileTarget> target = FindTarget(path);
      if (!target.ok()) return Annotate(target.status(), flag);
      if (!target->is_regular) {
        return absl::InvalidArgumentError(
            absl::StrCat(flag, ": ", path,
                         ": is no regular file, of which ranks could write "
                         "parts; name one"));
      }
      replacements_[i].target = *std::move(target);
      const absl::StatusOr<int> fd = replacements_[i].CreateTemporary();
      if (!fd.ok()) return Annotate(fd.status(), flag);
      descriptors_.push_back(*fd);
    }
    return absl::OkStatus();
  }();
  // The guard knows the files before they take room and time.
  if (created.ok()) guard_.Watch(replacements_);
  RCT_RETURN_IF_ERROR(created);
  for (size_t i = 0; i < files.size(); ++i) {
    RCT_RETURN_IF_ERROR(Annotate(
        Resize(descriptors_[i], files[i].path, files[i].bytes), files[i].flag));
  }
  return absl::OkStatus();
}

absl::Status SharedFiles::OpenOnOtherRank(
    const std::vector<SharedFile>& files,
    const std::vector<std::string>& names) {
  for (size_t i = 0; i < files.size(); ++i) {
    const int fd = Uninterrupted(
        [&] { return open(names[i].c_str(), O_WRONLY | O_CLOEXEC); });
    struct stat info = {};
    if (fd >= 0) descriptors_.push_back(fd);
    if (fd < 0 || fstat(fd, &info) != 0 || info.st_size != files[i].bytes) {
      return absl::FailedPreconditionError(absl::StrCat(
          files[i].flag, ": ", files[i].path, ": rank ", ranks_.rank(), " on ",
          HostName(),
          " does not see the file that rank 0 has made there; name one on a "
          "file system that all ranks share"));
    }
  }
  return absl::OkStatus();
}

absl::Status SharedFiles::Write(size_t i, int64_t offset,
                                std::string_view bytes) {
  // A single call transfers less than 2^31 bytes.
  constexpr size_t kMost = size_t{1} << 30;
  while (!bytes.empty()) {
    const ssize_t written = Uninterrupted([&] {
      return pwrite(descriptors_[i], bytes.data(),
                    std::min(bytes.size(), kMost), offset);
    });
    if (written < 0) return OfRank(ErrnoError(paths_[i], "cannot write"));
    bytes.remove_prefix(written);
    offset += written;
  }
  return absl::OkStatus();
}

absl::Status SharedFiles::SyncAndClose() {
  absl::Status status;
  for (size_t i = 0; i < descriptors_.size(); ++i) {
    const int fd = descriptors_[i];
    if (Uninterrupted([fd] { return fsync(fd); }) != 0) {
      status.Update(OfRank(ErrnoError(paths_[i], "cannot sync")));
    }
    if (!CloseFile(fd)) {
      status.Update(OfRank(ErrnoError(paths_[i], "cannot close")));
    }
  }
  descriptors_.clear();
  return status;
}

absl::Status SharedFiles::Rename() {
  IgnoreSignals();
  guard_.Renaming();
  RCT_RETURN_IF_ERROR(RenameAll(absl::MakeSpan(replacements_)));
  guard_.Renamed();
  RemoveOldNames(replacements_);
  replacements_.clear();
  return absl::OkStatus();
}

absl::Status SharedFiles::Replace(const absl::Status& own) {
  absl::Status status = own;
  status.Update(SyncAndClose());
  RCT_RETURN_IF_ERROR(ranks_.Agree(status));
  if (ranks_.rank() == 0) status = Rename();
  return ranks_.Agree(status);
}

}  // namespace rct
