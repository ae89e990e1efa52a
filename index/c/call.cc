#include "index/c/call.h"

#include <cxxabi.h>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/version.h"
#include "heuristics/composition/heuristics.pb.h"
#include "index/c/rct.h"
#include "index/exceptions.h"
#include "index/ordering.pb.h"
#include "metric/metric.pb.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr char kNoMemory[] =
    "memory ran out; ask for less at a time, take fewer points or inducing "
    "points, or let the process have more";

// Tells the error for which there was no memory from others by its address.
rct_error& NoMemory() {
  static auto& error = *new rct_error{RCT_RESOURCE_EXHAUSTED, ""};
  return error;
}
// Makes, when the library is loaded, what cannot be made without memory: that
// error, and the tables by which Protocol Buffers knows the names of enums and
// the fields of counters. It makes a file's tables at their first use, and where
// memory runs out in the middle of that, the process ends.
[[maybe_unused]] const bool made_at_start = [] {
  NoMemory();
  HeuristicsConfig::descriptor();
  KernelConfig::descriptor();
  OrderingConfig::descriptor();
  SearchCounters::descriptor();
  return true;
}();

// The codes of C are those of Abseil, so that the conversion is a cast.
template <absl::StatusCode code, int32_t c_code>
constexpr bool kSame = static_cast<int32_t>(code) == c_code;
static_assert(kSame<absl::StatusCode::kOk, RCT_OK>);
static_assert(kSame<absl::StatusCode::kCancelled, RCT_CANCELLED>);
static_assert(kSame<absl::StatusCode::kUnknown, RCT_UNKNOWN>);
static_assert(kSame<absl::StatusCode::kInvalidArgument, RCT_INVALID_ARGUMENT>);
static_assert(kSame<absl::StatusCode::kNotFound, RCT_NOT_FOUND>);
static_assert(kSame<absl::StatusCode::kAlreadyExists, RCT_ALREADY_EXISTS>);
static_assert(
    kSame<absl::StatusCode::kPermissionDenied, RCT_PERMISSION_DENIED>);
static_assert(
    kSame<absl::StatusCode::kResourceExhausted, RCT_RESOURCE_EXHAUSTED>);
static_assert(
    kSame<absl::StatusCode::kFailedPrecondition, RCT_FAILED_PRECONDITION>);
static_assert(kSame<absl::StatusCode::kOutOfRange, RCT_OUT_OF_RANGE>);
static_assert(kSame<absl::StatusCode::kUnimplemented, RCT_UNIMPLEMENTED>);
static_assert(kSame<absl::StatusCode::kInternal, RCT_INTERNAL>);
static_assert(kSame<absl::StatusCode::kUnavailable, RCT_UNAVAILABLE>);

}  // namespace

absl::Status StatusOfAnyException(std::string_view call) {
  try {
    return StatusOfException(call);
  } catch (const abi::__forced_unwind&) {
    throw;
  } catch (const std::exception& exception) {
    return absl::UnknownError(
        absl::StrCat(call, ": a callback threw: ", exception.what()));
  } catch (...) {
    return absl::UnknownError(
        absl::StrCat(call, ": a callback threw an exception"));
  }
}

int32_t Report(const absl::Status& status, rct_error** error) noexcept {
  const auto code = static_cast<int32_t>(status.code());
  if (error == nullptr) return code;
  *error = nullptr;
  if (status.ok()) return code;
  try {
    *error = new rct_error{
        code, status.message().empty() && absl::IsResourceExhausted(status)
                  ? kNoMemory
                  : std::string(status.message())};
    return code;
  } catch (...) {
    *error = &NoMemory();
    return RCT_RESOURCE_EXHAUSTED;
  }
}

}  // namespace rct

int32_t rct_error_code(const rct_error* error) {
  return error == nullptr ? RCT_OK : error->code;
}

const char* rct_error_message(const rct_error* error) {
  if (error == nullptr) return "";
  return error == &rct::NoMemory() ? rct::kNoMemory : error->message.c_str();
}

void rct_error_free(rct_error* error) {
  if (error != &rct::NoMemory()) delete error;
}

const char* rct_version(void) { return rct::kVersion.data(); }
