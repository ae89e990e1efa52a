/* The functions that R calls, by .Call. The R code has checked the types. */

#ifndef RCT_R_CALLS_H_
#define RCT_R_CALLS_H_

#define R_NO_REMAP
#include <Rinternals.h>

/* index.c */
SEXP call_build(SEXP points, SEXP options, SEXP memory_limit, SEXP threads);
SEXP call_rebuild(SEXP index, SEXP options, SEXP threads);
SEXP call_append(SEXP index, SEXP points, SEXP threads);
SEXP call_describe(SEXP index);
SEXP call_save(SEXP index, SEXP path, SEXP threads);
SEXP call_load(SEXP path, SEXP map, SEXP memory_limit, SEXP threads);

/* search.c */
SEXP call_search(SEXP index, SEXP rows, SEXP k, SEXP filter, SEXP threads);
SEXP call_search_points(SEXP index, SEXP points, SEXP k, SEXP filter,
                        SEXP threads);
SEXP call_graph(SEXP index, SEXP k, SEXP order, SEXP filter, SEXP threads);

/* range.c */
SEXP call_range(SEXP index, SEXP rows, SEXP radius, SEXP filter, SEXP threads);
SEXP call_range_points(SEXP index, SEXP points, SEXP radius, SEXP filter,
                       SEXP threads);

/* model.c */
SEXP call_order(SEXP points, SEXP options, SEXP threads);
SEXP call_lon_lat(SEXP places);
SEXP call_model(SEXP index, SEXP k, SEXP noise, SEXP order, SEXP threads);
SEXP call_describe_model(SEXP model);
SEXP call_log_likelihood(SEXP model, SEXP y);
SEXP call_solve(SEXP model, SEXP y);
SEXP call_predict(SEXP model, SEXP points, SEXP y, SEXP threads);
SEXP call_version(void);

#endif /* RCT_R_CALLS_H_ */
