#include "base/random.h"

#include <algorithm>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "base/check.h"

namespace rct {
namespace {

__extension__ using Uint128 = unsigned __int128;

// Philox's multipliers, and the Weyl increments of its key: the fractions of
// the golden ratio and of the square root of three.
constexpr uint64_t kMultiplier0 = 0xD2E7470EE14C6C93;
constexpr uint64_t kMultiplier1 = 0xCA5A826395121157;
constexpr uint64_t kKeyStep0 = 0x9E3779B97F4A7C15;
constexpr uint64_t kKeyStep1 = 0xBB67AE8584CAA73B;
constexpr int kRounds = 10;

uint64_t High(Uint128 value) { return static_cast<uint64_t>(value >> 64); }
uint64_t Low(Uint128 value) { return static_cast<uint64_t>(value); }

// Makes `out` the four words of the counter (counter, 0, 0, 0) under the key.
void Philox(uint64_t key0, uint64_t key1, uint64_t counter, uint64_t out[4]) {
  uint64_t c0 = counter, c1 = 0, c2 = 0, c3 = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Uint128 product0 = Uint128{kMultiplier0} * c0;
    const Uint128 product1 = Uint128{kMultiplier1} * c2;
    c0 = High(product1) ^ c1 ^ key0;
    c1 = Low(product1);
    c2 = High(product0) ^ c3 ^ key1;
    c3 = Low(product0);
    key0 += kKeyStep0;
    key1 += kKeyStep1;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

}  // namespace

RandomStream::RandomStream(uint64_t seed, uint64_t stream)
    : seed_(seed), stream_(stream) {}

uint64_t RandomStream::Next64() {
  if (used_ == 4) {
    Philox(seed_, stream_, counter_++, words_);
    used_ = 0;
  }
  return words_[used_++];
}

double RandomStream::Uniform() {
  return static_cast<double>(Next64() >> 11) * 0x1p-53;
}

uint64_t RandomStream::UniformBelow(uint64_t n) {
  RCT_CHECK(n > 0);
  // The high word of word * n is the answer. Each answer comes from
  // floor(2^64 / n) words or one more; rejecting the words whose low word is
  // below 2^64 mod n leaves the same number for each.
  Uint128 product = Uint128{Next64()} * n;
  if (Low(product) < n) {  // 2^64 mod n < n: seldom a division.
    const uint64_t remainder = -n % n;
    while (Low(product) < remainder) product = Uint128{Next64()} * n;
  }
  return High(product);
}

bool RandomStream::AcceptExpMinus(double a) {
  uint64_t bound = static_cast<uint64_t>(a * 0x1p64);
  bool even = true;
  for (uint64_t word = Next64(); word < bound; word = Next64()) {
    bound = word;
    even = !even;
  }
  return even;
}

double RandomStream::Normal() {
  const auto accept_all = [this](int64_t events, double a) {
    for (int64_t i = 0; i < events; ++i) {
      if (!AcceptExpMinus(a)) return false;
    }
    return true;
  };
  while (true) {
    int64_t k = 0;
    while (AcceptExpMinus(0.5)) ++k;
    if (!accept_all(k * (k - 1), 0.5)) continue;
    // 52 bits choose the cell, another bit the sign.
    const uint64_t word = Next64();
    const double x = static_cast<double>(2 * (word >> 12) + 1) * 0x1p-53;
    const double two_k = static_cast<double>(2 * k);
    if (!accept_all(k + 1, x * (two_k + x) / (two_k + 2.0))) continue;
    const double y = static_cast<double>(k) + x;
    return (word & 1) != 0 ? -y : y;
  }
}

std::vector<int64_t> SampleWithoutReplacement(int64_t n, int64_t count,
                                              RandomStream& stream) {
  RCT_CHECK(0 <= count && count <= n);
  // After the step for `last`, the set is a uniform sample of {0, ..., last}:
  // a number that is drawn again stands for `last` itself.
  std::unordered_set<int64_t> chosen;
  chosen.reserve(count);
  for (int64_t last = n - count; last < n; ++last) {
    const int64_t drawn = static_cast<int64_t>(stream.UniformBelow(last + 1));
    if (!chosen.insert(drawn).second) chosen.insert(last);
  }
  std::vector<int64_t> sample(chosen.begin(), chosen.end());
  std::sort(sample.begin(), sample.end());
  return sample;
}

}  // namespace rct
