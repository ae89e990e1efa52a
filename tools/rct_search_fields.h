// What decides an answer, field by field, for part files (rct_part.h).

#ifndef RCT_TOOLS_RCT_SEARCH_FIELDS_H_
#define RCT_TOOLS_RCT_SEARCH_FIELDS_H_

#include "index/euclidean_index.h"
#include "index/residual_index.h"
#include "tools/rct_part.h"
#include "tools/rct_search.h"
#include "tools/rct_task.h"

namespace rct {

// Return the fields of the search of `queries`, after TakeShard, in an index
// that holds the points in their order. Arrays enter as SHA-256 digests: of the
// points and the inducing points, and not of V and p, which follow from them,
// unless they were given.
SearchFields FieldsOf(const SearchTask& task, const TaskQueries& queries,
                      const ResidualIndex& index);
SearchFields FieldsOf(const SearchTask& task, const TaskQueries& queries,
                      const EuclideanIndex& index);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_SEARCH_FIELDS_H_
