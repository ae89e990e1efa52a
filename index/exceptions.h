// Exceptions at the front doors: they become errors there.
//
// This code base throws none of its own, but memory that is not to be had is an
// exception wherever a container grows, in the caller's thread or in a worker's
// (base/parallel.h). A call of an index catches it with a function-try-block:
//
//     absl::StatusOr<SearchResult> Index::Search(...) const try {
//       ...
//     } catch (...) {
//       return StatusOfException("Search");
//     }
//
// All that the call has made is gone then, and what lives on, the index, is as
// it was: searches write to objects of their own, and what they make for later
// calls is put in place by operations that cannot throw.

#ifndef RCT_INDEX_EXCEPTIONS_H_
#define RCT_INDEX_EXCEPTIONS_H_

#include <string_view>

#include "absl/status/status.h"

namespace rct {

// Of the exception that is being handled: ResourceExhausted where memory ran
// out, or a size is beyond what a container can hold; the code of its errno
// where the system refused something. Any other is thrown on, a thread's
// cancellation among them. Only to be called in a handler.
absl::Status StatusOfException(std::string_view call);

}  // namespace rct

#endif  // RCT_INDEX_EXCEPTIONS_H_
