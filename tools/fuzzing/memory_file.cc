#include "tools/fuzzing/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace rct {

MemoryFile::MemoryFile(std::string_view contents)
    : fd_(memfd_create("input", MFD_CLOEXEC)) {
  RCT_CHECK(fd_ >= 0);
  RCT_CHECK(write(fd_, contents.data(), contents.size()) ==
            static_cast<ssize_t>(contents.size()));
}

MemoryFile::~MemoryFile() { close(fd_); }

std::string MemoryFile::path() const {
  // With the process's own number, and not as /proc/self: each open then begins
  // at the beginning.
  return absl::StrCat("/proc/", getpid(), "/fd/", fd_);
}

}  // namespace rct
