// absl::Mutex tells thread sanitizer what it synchronises, and hides how. What
// a thread's first wait needs is mapped and initialized inside of that, so
// whoever wakes the thread seems to race with it:
// github.com/abseil/abseil-cpp/issues/1239.

// NOLINTNEXTLINE(bugprone-reserved-identifier): the sanitizer's own name.
extern "C" const char* __tsan_default_suppressions() {
  return "race:absl::*::LowLevelAlloc::Alloc\n"
         "race:absl::*::PerThreadSem::Init\n";
}
