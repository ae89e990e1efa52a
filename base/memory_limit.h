// How much memory this process can still get, asked before it is needed.
//
// Linux grants nearly all memory that is asked for and ends a process (SIGKILL)
// that uses more than there is: nothing is thrown then and nothing can be
// caught. So whoever knows the size of a large array beforehand asks first:
//
//     RCT_RETURN_IF_ERROR(CheckMemory(
//         16.0 * q * k, absl::StrCat("k: ", q, " queries x ", k, " neighbors"),
//         "ask for fewer neighbors, or for fewer queries at a time"));
//
// An estimate, and a generous one: others use memory as well, and what is there
// now may not be there later. It catches sizes that cannot be meant; what is
// granted and fails nevertheless is std::bad_alloc or worse.

#ifndef RCT_BASE_MEMORY_LIMIT_H_
#define RCT_BASE_MEMORY_LIMIT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace rct {

// The least of what the machine has left, swap included, of what the limits of
// this process leave (RLIMIT_AS, RLIMIT_DATA) and of what its control group and
// those above it do, caches that can be dropped not counted as used. What
// cannot be read limits nothing: at most the maximum of the type. Takes some
// 100 microseconds. `root` is for tests: the folder that holds proc and sys.
int64_t AvailableMemoryBytes(const std::string& root = "");

// ResourceExhausted if `bytes`, from 64 MiB on, are more than that:
//
//     WHAT take 149 GiB, of which 7.4 GiB are to be had; REMEDY
//
// Less is not asked about, so that small calls cost nothing.
absl::Status CheckMemory(double bytes, std::string_view what,
                         std::string_view remedy);

// "149 GiB", "7.4 GiB", "12 bytes": two or three digits that count.
std::string HumanBytes(double bytes);

}  // namespace rct

#endif  // RCT_BASE_MEMORY_LIMIT_H_
