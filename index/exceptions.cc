#include "index/exceptions.h"

#include <new>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace rct {
namespace {

absl::Status OutOfMemory(std::string_view call) {
  try {
    return absl::ResourceExhaustedError(absl::StrCat(
        call,
        ": memory ran out; ask for less at a time, take fewer points or "
        "inducing points, or let the process have more"));
  } catch (const std::bad_alloc&) {
    // There is no memory even for the message. A status without one allocates
    // nothing.
    return absl::Status(absl::StatusCode::kResourceExhausted, "");
  }
}

}  // namespace

absl::Status StatusOfException(std::string_view call) {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return OutOfMemory(call);
  } catch (const std::length_error&) {
    return OutOfMemory(call);
  } catch (const std::system_error& error) {
    return absl::ErrnoToStatus(error.code().value(), call);
  }
}

}  // namespace rct
