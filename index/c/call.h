// The boundary of a call from C: what goes wrong inside becomes a code and an
// rct_error.
//
//     int32_t rct_config_set_variance(rct_config* config, double variance,
//                                     rct_error** error) {
//       return rct::Answer(__func__, error, [&]() -> absl::Status {
//         RCT_RETURN_IF_ERROR(rct::NotNull("config", config));
//         ...
//       });
//     }

#ifndef RCT_INDEX_C_CALL_H_
#define RCT_INDEX_C_CALL_H_

#include <cxxabi.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "index/c/rct.h"

struct rct_error {
  int32_t code = RCT_OK;
  std::string message;
};

namespace rct {

// Returns the error that stands for the exception that is being handled: that
// of StatusOfException (index/exceptions.h), or Unknown where it comes from a
// callback of the caller's. Throws a thread's cancellation on. Must be called
// in a handler.
absl::Status StatusOfAnyException(std::string_view call);

// Returns the code of `status`. Makes *error an error that says more, and null
// where there is none. Where there is no memory for an error, it becomes one
// that is never freed and says so.
int32_t Report(const absl::Status& status, rct_error** error) noexcept;

// Runs work() -> absl::Status and reports. Nothing but the cancellation of the
// thread leaves it as an exception.
template <class Work>
int32_t Answer(std::string_view call, rct_error** error, Work work) {
  try {
    try {
      return Report(work(), error);
    } catch (...) {
      return Report(StatusOfAnyException(call), error);
    }
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (...) {
    // There was no memory for the message.
    return Report(absl::Status(absl::StatusCode::kResourceExhausted, ""),
                  error);
  }
}

// Makes an object, or returns null where there is no memory.
template <class Object>
Object* NewOrNull() noexcept {
  try {
    return new Object();
  } catch (...) {
    return nullptr;
  }
}

}  // namespace rct

#endif  // RCT_INDEX_C_CALL_H_
