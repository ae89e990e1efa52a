// Random numbers that can be replayed: the same bits on every platform,
// forever.
//
// The generator is Philox4x64-10 (Salmon, Moraes, Dror, Shaw: "Parallel random
// numbers: as easy as 1, 2, 3", SC 2011). Ten rounds of a keyed bijection turn
// a 256-bit counter into four 64-bit words; the key is (seed, stream), the
// counter runs 0, 1, 2, ... Distinct pairs (seed, stream) are distinct keys, so
// that streams may be numbered in any way. The period of a stream is 2^66
// words.
//
// The distributions are our own, since those of the standard library differ
// between platforms. They use integer arithmetic, comparisons, and the
// correctly rounded + * / of IEEE 754 in forms in which a fused multiply-add
// changes no bit, and no function of libm.
//
// Normal distribution. Von Neumann's comparisons (1951) decide an event of
// probability exp(-a), 0 <= a < 1, exactly: draw uniforms while they fall, a >
// u_1 > u_2 > ..., and let N be their number. Falling sequences of n uniforms
// below a have probability a^n / n!, hence
//
//     P(N even) = sum_n (-1)^n P(N >= n) = sum_n (-a)^n / n! = exp(-a),
//
// at a mean cost of E(N + 1) = exp(a) uniforms. From this event, after C. F. F.
// Karney, "Sampling exactly from the normal distribution", ACM TOMS 42(1),
// 2016, algorithm N, for y = k + x with k an integer and 0 < x < 1:
//
//     exp(-y^2/2) = exp(-k/2) * exp(-k(k-1)/2) * exp(-x(2k+x)/2).
//
//   1. k: successes of exp(-1/2) before the first failure, P(k) ~ exp(-k/2).
//   2. Keep k with probability exp(-k(k-1)/2): k(k-1) events of exp(-1/2).
//   3. x uniform in (0, 1); keep it with probability exp(-x(2k+x)/2): k+1
//      events of exp(-a), a = x(2k+x) / (2k+2) < 1.
//   4. Start over if anything was not kept; otherwise choose a random sign.
//
// The tail is not cut. The deviations from the true law are small: x is the
// midpoint of one of 2^52 equal cells, k + x is rounded once, rounding a
// changes a probability by less than (k+1) 2^-51 of itself, and ties between
// 64-bit words have probability 2^-64.
//
// Cost. A round is kept with probability (1 - exp(-1/2)) sqrt(pi/2) = 0.493; a
// draw takes 15.0 words on average, in theory and as counted.

#ifndef RCT_BASE_RANDOM_H_
#define RCT_BASE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace rct {

// A stream of random numbers. A copy replays the numbers that the original has
// yet to give. A stream is not for several threads at once: each task has one.
class RandomStream {
 public:
  RandomStream(uint64_t seed, uint64_t stream);

  // Returns 64 uniform bits.
  uint64_t Next64();

  // Returns a uniform multiple of 2^-53 in [0, 1). Takes one word.
  double Uniform();

  // Returns a uniform integer of {0, ..., n - 1}, without bias; n >= 1. Takes
  // one word, and very rarely more (Lemire, "Fast random integer generation in
  // an interval", ACM TOMACS 29(1), 2019).
  uint64_t UniformBelow(uint64_t n);

  // Returns a standard normal number; see the top of this file.
  double Normal();

 private:
  // Returns true with probability exp(-a), 0 <= a < 1.
  bool AcceptExpMinus(double a);

  uint64_t seed_;
  uint64_t stream_;
  uint64_t counter_ = 0;    // of the next four words
  uint64_t words_[4] = {};  // the current four words ...
  int used_ = 4;            // ... and how many of them were returned
};

// Returns `count` distinct numbers of {0, ..., n - 1}, 0 <= count <= n, in
// ascending order; every such set is equally likely. Takes O(count log count)
// time and O(count) memory, whatever n is (Floyd's algorithm, in Bentley,
// "Programming pearls: a sample of brilliance", CACM 30(9), 1987).
std::vector<int64_t> SampleWithoutReplacement(int64_t n, int64_t count,
                                              RandomStream& stream);

// Puts the values in random order; all orders are equally likely
// (Fisher-Yates).
template <class T>
void Shuffle(absl::Span<T> values, RandomStream& stream) {
  using std::swap;
  for (std::size_t i = values.size(); i > 1; --i) {
    swap(values[i - 1], values[stream.UniformBelow(i)]);
  }
}

}  // namespace rct

#endif  // RCT_BASE_RANDOM_H_
