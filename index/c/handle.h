// The handle of an index.

#ifndef RCT_INDEX_C_HANDLE_H_
#define RCT_INDEX_C_HANDLE_H_

#include "index/index.h"

struct rct_index {
  rct::Index index;
};

#endif  // RCT_INDEX_C_HANDLE_H_
