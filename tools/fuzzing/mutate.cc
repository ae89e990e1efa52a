#include "tools/fuzzing/mutate.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>

#include "base/random.h"

namespace rct {
namespace {

constexpr uint64_t kNumbers[] = {
    0,
    1,
    2,
    7,
    8,
    63,
    64,
    127,
    128,
    255,
    256,
    4096,
    0x7fff,
    0x8000,
    0xffff,
    0x10000,
    0x7ffffff7,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    uint64_t{1} << 32,
    uint64_t{1} << 53,
    (uint64_t{1} << 53) + 1,
    uint64_t{1} << 62,
    0x7fffffffffffffff,
    0x8000000000000000,
    0xffffffffffffffff,
    std::bit_cast<uint64_t>(1.0),
    std::bit_cast<uint64_t>(-1.0),
    std::bit_cast<uint64_t>(1e-300),
    std::bit_cast<uint64_t>(1e300),
    0x7ff0000000000000,  // infinity
    0x7ff8000000000000,  // NaN
    0x0000000000000001,  // the smallest double
};

constexpr std::string_view kTexts[] = {"0",
                                       "-1",
                                       "1",
                                       "9",
                                       "1e308",
                                       "1e-320",
                                       "nan",
                                       "inf",
                                       "-",
                                       ".",
                                       ",",
                                       "\"",
                                       "\n",
                                       "\r",
                                       "\t",
                                       " ",
                                       "{",
                                       "}",
                                       "(",
                                       ")",
                                       "[",
                                       ":",
                                       "'",
                                       "=",
                                       "\xef\xbb\xbf",
                                       "\xff",
                                       "#",
                                       "x",
                                       "--",
                                       "/",
                                       "..",
                                       "2147483647",
                                       "4294967296",
                                       "9223372036854775807",
                                       "18446744073709551616",
                                       "1e999",
                                       "-0",
                                       "0x1p3",
                                       "NA",
                                       "True",
                                       "<f8",
                                       "e",
                                       "+"};

// A piece of a text: where it begins and how long it is.
struct Piece {
  size_t begin;
  size_t size;
};

Piece Choose(RandomStream& random, size_t size) {
  const size_t begin = random.UniformBelow(size + 1);
  // Short pieces and long ones.
  const size_t most = random.Next64() % 2 == 0 ? 16 : size;
  return {begin, random.UniformBelow(std::min(most, size - begin) + 1)};
}

// Overwrites 1, 2, 4 or 8 bytes with a number, or adds a little to them.
void ChangeNumber(RandomStream& random, std::string& input) {
  const size_t width = size_t{1} << random.UniformBelow(4);
  if (input.size() < width) return;
  // Numbers in files are aligned as a rule.
  size_t at = random.UniformBelow(input.size() - width + 1);
  if (random.Next64() % 2 == 0) at = at / width * width;
  uint64_t value = 0;
  if (random.Next64() % 2 == 0) {
    value = kNumbers[random.UniformBelow(std::size(kNumbers))];
  } else {
    std::memcpy(&value, input.data() + at, width);
    value += random.UniformBelow(33) - 16;
  }
  std::memcpy(input.data() + at, &value, width);
}

// Changes a bit or a byte.
void ChangeByte(RandomStream& random, std::string& input) {
  if (input.empty()) return;
  char& byte = input[random.UniformBelow(input.size())];
  byte = static_cast<char>(
      random.Next64() % 2 == 0
          ? byte ^ static_cast<char>(1 << random.UniformBelow(8))
          : random.Next64());
}

void ChangeInPlace(RandomStream& random, std::string& input) {
  if (random.UniformBelow(3) == 0) {
    ChangeByte(random, input);
  } else {
    ChangeNumber(random, input);
  }
}

void ChangeOnce(RandomStream& random, std::string_view other,
                std::string& input) {
  const Piece piece = Choose(random, input.size());
  switch (random.UniformBelow(8)) {
    case 0: {
      const std::string_view text =
          kTexts[random.UniformBelow(std::size(kTexts))];
      const size_t erased = random.Next64() % 2 == 0 ? 0 : text.size();
      input.replace(piece.begin, std::min(erased, input.size() - piece.begin),
                    text);
      return;
    }
    case 1:
      input.erase(piece.begin, piece.size);
      return;
    case 2:
      input.insert(random.UniformBelow(input.size() + 1),
                   input.substr(piece.begin, piece.size));
      return;
    case 3: {
      const Piece from = Choose(random, other.size());
      input.replace(piece.begin, piece.size,
                    other.substr(from.begin, from.size));
      return;
    }
    default:
      ChangeInPlace(random, input);
      return;
  }
}

}  // namespace

void Mutate(RandomStream& random, std::string_view other, size_t max_size,
            std::string& input) {
  const std::string source(other);  // which may be the input itself
  for (uint64_t left = 1 + random.UniformBelow(8); left > 0; --left) {
    ChangeOnce(random, source, input);
  }
  if (input.size() > max_size) input.resize(max_size);
}

void MutateInPlace(RandomStream& random, std::string& input) {
  for (uint64_t left = 1 + random.UniformBelow(4); left > 0; --left) {
    ChangeInPlace(random, input);
  }
}

}  // namespace rct
