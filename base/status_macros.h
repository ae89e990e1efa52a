// Macros that return errors to the caller, and a way to say where they arose.
//
//     RCT_RETURN_IF_ERROR(Annotate(ValidateKernel(config.kernel()), "kernel"));
//     RCT_ASSIGN_OR_RETURN(Matrix<double> points, ReadNpyMatrix(path));
//     RCT_ASSIGN_OR_RETURN((auto [nodes, edges]), BuildGraph(points));
//
// The enclosing function returns absl::Status or absl::StatusOr<T>.

#ifndef RCT_BASE_STATUS_MACROS_H_
#define RCT_BASE_STATUS_MACROS_H_

#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/check.h"  // IWYU pragma: export

// Evaluates an expression of type absl::Status once; returns it from the
// enclosing function unless it is OK. An absl::StatusOr does not compile here:
// its value would be lost.
#define RCT_RETURN_IF_ERROR(...)                                       \
  do {                                                                 \
    if (absl::Status rct_status_ = (__VA_ARGS__); !rct_status_.ok()) { \
      return rct_status_;                                              \
    }                                                                  \
  } while (false)

// RCT_ASSIGN_OR_RETURN(lhs, expression): evaluates an expression of type
// absl::StatusOr<T> once; returns its status from the enclosing function unless
// it is OK, and otherwise moves its value into `lhs`, which is a declaration or
// anything assignable. An lhs with a comma (structured bindings, template
// arguments) needs parentheses, which the macro removes; the expression needs
// none. The macro is several statements, so that the declaration outlives it,
// and hence cannot be the unbraced body of an `if`.
#define RCT_ASSIGN_OR_RETURN(lhs, ...)                                       \
  RCT_INTERNAL_ASSIGN_OR_RETURN(RCT_INTERNAL_JOIN(rct_status_or_, __LINE__), \
                                lhs, __VA_ARGS__)

#define RCT_INTERNAL_ASSIGN_OR_RETURN(result, lhs, ...) \
  auto result = (__VA_ARGS__);                          \
  if (!result.ok()) return std::move(result).status();  \
  RCT_INTERNAL_UNWRAP(lhs) = *std::move(result)

#define RCT_INTERNAL_JOIN(a, b) RCT_INTERNAL_JOIN_NOW(a, b)
#define RCT_INTERNAL_JOIN_NOW(a, b) a##b

// Removes the parentheses around the argument, if there are any. PEEL is
// expanded as a macro only if a parenthesis follows it; either way its own name
// ends up in front, and joined with the prefix it names a macro that expands to
// nothing.
#define RCT_INTERNAL_UNWRAP(x) RCT_INTERNAL_DROP(RCT_INTERNAL_PEEL x)
#define RCT_INTERNAL_PEEL(...) RCT_INTERNAL_PEEL __VA_ARGS__
#define RCT_INTERNAL_DROP(...) RCT_INTERNAL_DROP_NOW(__VA_ARGS__)
#define RCT_INTERNAL_DROP_NOW(...) RCT_NO_##__VA_ARGS__
#define RCT_NO_RCT_INTERNAL_PEEL

namespace rct {

// Returns the error with "prefix: " in front of its message and the same code
// and payloads; an OK status is returned unchanged. The prefix is the path of a
// config field or the name of a file, and nested calls read from the outside
// in.
absl::Status Annotate(const absl::Status& status, std::string_view prefix);

}  // namespace rct

#endif  // RCT_BASE_STATUS_MACROS_H_
