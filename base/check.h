// RCT_CHECK: programmer errors end the process.
//
//     RCT_CHECK(row < rows_);
//
// prints "file:line: check failed: row < rows_" to stderr and aborts, in every
// build mode. Mistakes of users and files are absl::Status errors instead.
//
// Cost. A check is one predicted branch; inner loops do without it.

#ifndef RCT_BASE_CHECK_H_
#define RCT_BASE_CHECK_H_

// The macro is variadic, so that a condition may hold commas (template
// arguments).
#define RCT_CHECK(...)            \
  (static_cast<bool>(__VA_ARGS__) \
       ? void()                   \
       : ::rct::internal_check::CheckFailed(__FILE__, __LINE__, #__VA_ARGS__))

namespace rct::internal_check {

[[noreturn]] void CheckFailed(const char* file, int line,
                              const char* condition);

}  // namespace rct::internal_check

#endif  // RCT_BASE_CHECK_H_
