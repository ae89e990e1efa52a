// Fuzz targets: functions that take any bytes, and must survive them.
//
// A target is one source that defines what follows. It is linked in two ways
// (fuzz.bzl): with a driver of ours (driver.cc), a test that is quick, needs no
// clang and tries the same inputs each time; and with libFuzzer under clang's
// address and undefined-behavior sanitizers, which looks for new ones as long
// as it may (`tools/fuzz`). A target ends the process, by RCT_CHECK or
// otherwise, where the code that it calls is wrong.

#ifndef RCT_TOOLS_FUZZING_TARGET_H_
#define RCT_TOOLS_FUZZING_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rct {

// The memory that an input may take: `constant` bytes, and `per_byte` for each
// of its own. What goes beyond was asked for by a number in the input that its
// size cannot justify.
struct FuzzLimits {
  double per_byte;
  double constant;
};
extern const FuzzLimits kFuzzLimits;

// Returns the bytes of an input. Where `data` is null, so is their number.
inline std::string_view InputOf(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace rct

// Tries an input. Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// A target may say how its inputs are changed: changes the `size` bytes at
// `data`, which has room for `max_size`, in a way that `seed` decides, and
// returns the new size. Without it bytes are changed anywhere (mutate.h).
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned int seed)
    __attribute__((weak));

#endif  // RCT_TOOLS_FUZZING_TARGET_H_
