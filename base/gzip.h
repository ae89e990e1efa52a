// The contents of gzip'd files (RFC 1952, Deutsch 1996).
//
// A file is one or more members, one after the other, whose contents are
// joined: so do programs that compress in parallel or append. Each member ends
// with a checksum and a length, which are checked. A file that is cut short,
// damaged in any byte of its contents, or followed by other bytes, is an error:
// half a table would give plausible answers.

#ifndef RCT_BASE_GZIP_H_
#define RCT_BASE_GZIP_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/monitor.h"

namespace rct {

// Returns true if `bytes` begin like a gzip'd file.
bool IsGzip(std::string_view bytes);

// Returns the contents of a gzip'd file in memory. Returns InvalidArgument,
// which says what is wrong, and Cancelled if `monitor` is cancelled. Memory
// grows with the contents, which may be a thousand times the file.
absl::StatusOr<std::string> Gunzip(std::string_view bytes,
                                   Monitor* monitor = nullptr);

}  // namespace rct

#endif  // RCT_BASE_GZIP_H_
