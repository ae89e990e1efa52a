#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace rct::internal_check {

void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace rct::internal_check
