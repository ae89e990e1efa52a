// The conformance suite: tests that every strategy, with any heuristics, must
// pass.
//
//     INSTANTIATE_TEST_SUITE_P(CoverTree, ConformanceTest,
//                              testing::ValuesIn(MySubjects()), SubjectName);
//
// in a test that links //parity:conformance runs the suite for each subject.
// Two references tell a wrong traversal from different arithmetic: exhaustive
// search, which shares the metric, must agree bit for bit, and the oracle,
// which shares nothing, within kOracleError.
//
// The cross-engine fixture is 1,000 points, 64 queries, k = 1 .. 10, in d = 1,
// 2, 3, 8 dimensions, with each kernel and several seeds. The adversarial sets
// are those of metric/test_data.h, at sizes around the blocks' borders.

#ifndef RCT_PARITY_CONFORMANCE_H_
#define RCT_PARITY_CONFORMANCE_H_

#include <ostream>
#include <string>

#include "gtest/gtest.h"
#include "index/index.pb.h"

namespace rct {

// The options of an index, without a metric, under a name.
struct Subject {
  std::string name;  // letters, digits and underscores
  IndexOptions options;
};

inline void PrintTo(const Subject& subject, std::ostream* os) {
  *os << subject.name;
}

inline std::string SubjectName(const testing::TestParamInfo<Subject>& info) {
  return info.param.name;
}

// The bound on the difference between a squared distance t = 1 - |rho| of the
// fixture and that of the oracle:
//
//     |t - t_oracle| <= kOracleError (1 / p_i + 1 / p_j) + 2^-51.
//
// kOracleError covers the error of a residual covariance or variance of a
// process of variance 1: roundings, amplified by |K^-1 k(Z, x)|^2, up to 1 /
// jitter, where a point lies outside the inducing points. Measured: 5.8e-13.
// Neighbors whose t lie closer together than that may change places.
inline constexpr double kOracleError = 2e-12;

class ConformanceTest : public testing::TestWithParam<Subject> {};

}  // namespace rct

#endif  // RCT_PARITY_CONFORMANCE_H_
