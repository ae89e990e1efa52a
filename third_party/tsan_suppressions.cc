// absl::Mutex tells thread sanitizer what it synchronises and hides how. A waiter's
// first block of memory is mapped inside of that, so a thread that wakes the waiter
// seems to race with the mapping: github.com/abseil/abseil-cpp/issues/1239.
extern "C" const char* __tsan_default_suppressions() {
  return "race:absl::*::LowLevelAlloc::Alloc\n";
}
