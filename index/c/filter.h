// Which rows may be neighbors.

#ifndef RCT_INDEX_C_FILTER_H_
#define RCT_INDEX_C_FILTER_H_

#include <cstdint>
#include <limits>
#include <memory>

#include "index/c/rct.h"
#include "traversal/searcher.h"

struct rct_filter {
  bool predecessor = false;
  bool exclude_self = false;
  double radius = std::numeric_limits<double>::infinity();
  std::unique_ptr<bool[]> allowed;
  int64_t allowed_count = 0;
};

namespace rct {

// Returns the options of a search under a filter and a run, which may be null,
// without monitor. They refer to the filter's flags.
SearchOptions OptionsOf(const rct_filter* filter, const rct_run* run);

}  // namespace rct

#endif  // RCT_INDEX_C_FILTER_H_
