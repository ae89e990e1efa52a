// Which sanitizer watches the program, for what it cannot do.

#ifndef RCT_BASE_SANITIZERS_H_
#define RCT_BASE_SANITIZERS_H_

#include "absl/base/config.h"

namespace rct {

#ifdef ABSL_HAVE_THREAD_SANITIZER
inline constexpr bool kThreadSanitizer = true;
#else
inline constexpr bool kThreadSanitizer = false;
#endif

// Whether the address or the thread sanitizer does. They reserve terabytes of
// addresses when the program starts, which fails under `ulimit -v`, and take
// memory beside what the program allocates.
#ifdef ABSL_HAVE_ADDRESS_SANITIZER
inline constexpr bool kShadowMemory = true;
#else
inline constexpr bool kShadowMemory = kThreadSanitizer;
#endif

// Whether a sanitizer watches what becomes of the memory of the heap.
#ifdef ABSL_HAVE_MEMORY_SANITIZER
inline constexpr bool kWatchesMemory = true;
#else
inline constexpr bool kWatchesMemory = kShadowMemory;
#endif

}  // namespace rct

#endif  // RCT_BASE_SANITIZERS_H_
