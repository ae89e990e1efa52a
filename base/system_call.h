// System calls on files, and their errors.

#ifndef RCT_BASE_SYSTEM_CALL_H_
#define RCT_BASE_SYSTEM_CALL_H_

#include <errno.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace rct {

// Returns "path: what: why", with the code of an errno.
inline absl::Status ErrorOf(int error, const std::string& path,
                            std::string_view what) {
  return absl::ErrnoToStatus(error, absl::StrCat(path, ": ", what));
}

inline absl::Status ErrnoError(const std::string& path, std::string_view what) {
  return ErrorOf(errno, path, what);
}

// Makes a system call, and makes it again where a signal has interrupted it:
// the files of some networks, and pipes, let signals do that.
template <class Call>
auto Uninterrupted(Call call) {
  while (true) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// Closes a descriptor and returns whether all that was written is kept. Linux
// closes one even where a signal interrupts it.
inline bool CloseFile(int fd) { return close(fd) == 0 || errno == EINTR; }

}  // namespace rct

#endif  // RCT_BASE_SYSTEM_CALL_H_
