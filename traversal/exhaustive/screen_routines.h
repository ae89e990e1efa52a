// The float32 screen and its dispatch by instruction set.
//
// The inner loops of the float screen: products of float32 vectors, and the
// test of what they leave. Every number is one fixed chain of operations over
// FloatLanes, so all tables return the same bits; the errors of these chains
// are what screen_bound.h bounds.
//
// Layout. A *panel* is kScreenPanel candidates side by side: component c of
// candidate l is panel[kScreenPanel c + l]. A *group* is kScreenGroup queries
// in the same manner. Both have zeros up to a multiple of kScreenChunk terms
// and up to whole panels and groups.

#ifndef RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_ROUTINES_H_
#define RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_ROUTINES_H_

#include <cstdint>

#include "metric/simd_routines.h"

namespace rct {

// A register tile of AVX-512: eight queries by three vectors of candidates.
inline constexpr int kScreenPanel = 48;
inline constexpr int kScreenGroup = 8;

// Terms of a product that are one chain of fused multiply-adds; such chains are
// added up one after the other. The longest path of roundings has kScreenChunk
// + m / kScreenChunk of them, which is least, and near 45 for m = 512, where
// both are about equal.
inline constexpr int kScreenChunk = 32;

// The kernel function on coordinates that are divided by the lengthscales.
struct ScreenCovariance {
  KernelFamily family;
  int dim;
  float variance;
};

// A query and its share in the error of a residual covariance.
struct ScreenQuery {
  const float* z;  // its coordinates
  float length;    // what |v| of a candidate is multiplied with
  float rest;      // what is added
  float reach;     // theta sqrt(p), see `screen`
};

// Candidates panel by panel.
struct ScreenCandidates {
  const float* z;       // coordinate t of candidate l: z[kScreenPanel t + l]
  const float* length;  // |v|
  const float* error;
  const float* root;  // sqrt(p)
};

// The candidates of a tile that a query may need: which, the size of their
// residual covariances and the errors of these. Each has room for all
// candidates and sixteen more.
struct ScreenHits {
  int32_t* candidate;
  float* size;
  float* error;
};

struct ScreenRoutines {
  Isa isa;

  // out[i out_stride + l] = the product of query i and candidate l of `panel`
  // for all queries of `num_groups` groups, each of `terms` terms, a multiple
  // of kScreenChunk: the chains over kScreenChunk terms each, added in order.
  // Memory up to `end` is read ahead.
  void (*dots)(const float* groups, int num_groups, int64_t terms,
               const float* panel, const float* end, float* out,
               int64_t out_stride);

  // The candidates of `num_panels` panels whose
  //
  //     |k - dot| + (query.length length + (query.rest + error))
  //
  // reaches query.reach root: `size` the first summand, `error` the second.
  // Returns their number.
  int (*screen)(const ScreenCovariance& covariance, const ScreenQuery& query,
                const ScreenCandidates& candidates, int num_panels,
                const float* dot, const ScreenHits& hits);
};

// The table for `isa`, or null where this machine or build lacks it.
const ScreenRoutines* ScreenRoutinesFor(Isa isa);

}  // namespace rct

#endif  // RCT_TRAVERSAL_EXHAUSTIVE_SCREEN_ROUTINES_H_
