/* Filters of searches. */

#ifndef RCT_R_FILTER_H_
#define RCT_R_FILTER_H_

#define R_NO_REMAP
#include <Rinternals.h>

/* Returns a filter (new_filter) with what the list `options` says; the caller
 * protects it. */
SEXP filled_filter(SEXP options);

#endif /* RCT_R_FILTER_H_ */
