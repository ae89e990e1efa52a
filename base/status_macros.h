// Passing errors up: macros over absl::Status, and a way to say where.
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
// anything assignable. An lhs that holds a comma (structured bindings, template
// arguments) goes in parentheses, which are taken off; the expression needs
// none. The macro is several statements, so that the declaration outlives it:
// it cannot be the unbraced body of an `if`.
#define RCT_ASSIGN_OR_RETURN(lhs, ...)                                       \
  RCT_INTERNAL_ASSIGN_OR_RETURN(RCT_INTERNAL_JOIN(rct_status_or_, __LINE__), \
                                lhs, __VA_ARGS__)

#define RCT_INTERNAL_ASSIGN_OR_RETURN(result, lhs, ...) \
  auto result = (__VA_ARGS__);                          \
  if (!result.ok()) return std::move(result).status();  \
  RCT_INTERNAL_UNWRAP(lhs) = *std::move(result)

#define RCT_INTERNAL_JOIN(a, b) RCT_INTERNAL_JOIN_NOW(a, b)
#define RCT_INTERNAL_JOIN_NOW(a, b) a##b

// Takes one pair of parentheses off, if the argument is wrapped in one. PEEL is
// called as a macro only if a parenthesis follows it; either way its own name
// ends up in front, and joined with the prefix it becomes a macro for nothing.
#define RCT_INTERNAL_UNWRAP(x) RCT_INTERNAL_DROP(RCT_INTERNAL_PEEL x)
#define RCT_INTERNAL_PEEL(...) RCT_INTERNAL_PEEL __VA_ARGS__
#define RCT_INTERNAL_DROP(...) RCT_INTERNAL_DROP_NOW(__VA_ARGS__)
#define RCT_INTERNAL_DROP_NOW(...) RCT_NO_##__VA_ARGS__
#define RCT_NO_RCT_INTERNAL_PEEL

namespace rct {

// The same error with "prefix: " in front of its message; code and payloads
// stay. An OK status comes back as it is. For the path of a config field or the
// name of a file: nested calls read from the outside in.
absl::Status Annotate(const absl::Status& status, std::string_view prefix);

}  // namespace rct

#endif  // RCT_BASE_STATUS_MACROS_H_
