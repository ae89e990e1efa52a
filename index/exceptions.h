// Exceptions become errors at the functions of an index.
//
// This code base throws no exception of its own, but any container that grows
// may throw std::bad_alloc, in the caller's thread or in a worker's
// (base/parallel.h). A function of an index catches it with a
// function-try-block:
//
//     absl::StatusOr<SearchResult> Index::Search(...) const try {
//       ...
//     } catch (...) {
//       return StatusOfException("Search");
//     }
//
// All that the call has made is destroyed then, and the index is as it was
// before: searches write to objects of their own, and structures that they make
// for later calls are put in place by operations that cannot throw.

#ifndef RCT_INDEX_EXCEPTIONS_H_
#define RCT_INDEX_EXCEPTIONS_H_

#include <string_view>

#include "absl/status/status.h"

namespace rct {

// Returns the error that stands for the exception that is being handled:
// ResourceExhausted where memory ran out or a size is beyond the limit of a
// container, and the code of its errno where the system refused something.
// Throws any other exception on, a thread's cancellation among them. Must be
// called in a handler.
absl::Status StatusOfException(std::string_view call);

}  // namespace rct

#endif  // RCT_INDEX_EXCEPTIONS_H_
