// The memory that this process can still get, checked before it is needed.
//
// Linux grants nearly every request for memory and ends a process (SIGKILL)
// that uses more than there is: nothing is thrown then and nothing can be
// caught. Code that knows the size of a large array beforehand therefore checks
// first:
//
//     RCT_RETURN_IF_ERROR(CheckMemory(
//         16.0 * q * k, absl::StrCat("k: ", q, " queries x ", k, " neighbors"),
//         "ask for fewer neighbors, or for fewer queries at a time"));
//
// The limit is a generous estimate, since other processes use memory as well
// and may need more later. It catches sizes that are mistakes; an allocation
// that passes and fails nevertheless is std::bad_alloc or worse.

#ifndef RCT_BASE_MEMORY_LIMIT_H_
#define RCT_BASE_MEMORY_LIMIT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace rct {

// Returns the smallest of the memory that the machine has left, swap included,
// and the memory that the limits of this process (RLIMIT_AS, RLIMIT_DATA) and
// of its control groups leave. Caches that can be dropped do not count as used.
// A limit that cannot be read is no limit; without any, the result is the
// maximum of the type. Takes about 100 microseconds. Tests set `root`, the
// folder that holds proc and sys.
int64_t AvailableMemoryBytes(const std::string& root = "");

// Returns ResourceExhausted if `bytes` are more than AvailableMemoryBytes():
//
//     WHAT take 149 GiB, of which 7.4 GiB are to be had; REMEDY
//
// Less than 64 MiB is always OK, so that small calls cost nothing.
absl::Status CheckMemory(double bytes, std::string_view what,
                         std::string_view remedy);

// Returns `bytes` with two or three significant digits: "149 GiB", "7.4 GiB",
// "12 bytes".
std::string HumanBytes(double bytes);

}  // namespace rct

#endif  // RCT_BASE_MEMORY_LIMIT_H_
