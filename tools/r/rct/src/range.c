/* Searches within a radius. */

#include "calls.h"
#include "filter.h"
#include "handle.h"

/* Returns a list of lists, `neighbors` and `distances`, with a vector for each
 * query. */
static SEXP lists_of(const rct_ranges *ranges) {
  const int64_t q = rct_ranges_num_queries(ranges);
  const int64_t *offsets = rct_ranges_offsets(ranges);
  const int64_t *rows = rct_ranges_rows(ranges);
  const double *distances = rct_ranges_distances(ranges);
  const char *names[] = {"neighbors", "distances", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SEXP neighbor_list = Rf_allocVector(VECSXP, q);
  SET_VECTOR_ELT(result, 0, neighbor_list);
  SEXP distance_list = Rf_allocVector(VECSXP, q);
  SET_VECTOR_ELT(result, 1, distance_list);
  for (int64_t i = 0; i < q; ++i) {
    const int64_t count = offsets[i + 1] - offsets[i];
    SEXP neighbors = Rf_allocVector(INTSXP, count);
    SET_VECTOR_ELT(neighbor_list, i, neighbors);
    SEXP near = Rf_allocVector(REALSXP, count);
    SET_VECTOR_ELT(distance_list, i, near);
    for (int64_t j = 0; j < count; ++j) {
      INTEGER(neighbors)[j] = (int)(rows[offsets[i] + j] + 1);
      REAL(near)[j] = distances[offsets[i] + j];
    }
  }
  UNPROTECT(1);
  return result;
}

SEXP call_range(SEXP index, SEXP rows, SEXP radius, SEXP filter, SEXP threads) {
  const rct_index *living = index_of(index);
  SEXP run = PROTECT(new_run(threads));
  SEXP filled = PROTECT(filled_filter(filter));
  SEXP handle = PROTECT(new_ranges());
  const int64_t *queries = zero_based(rows);
  rct_ranges *ranges = NULL;
  rct_error *error = NULL;
  const int32_t code =
      rct_index_range(living, queries, Rf_xlength(rows), Rf_asReal(radius),
                      filter_of(filled), run_of(run), &ranges, &error);
  set_object(handle, ranges);
  end_call(run, code, &error);
  SEXP result = PROTECT(lists_of(ranges));
  UNPROTECT(4);
  return result;
}

SEXP call_range_points(SEXP index, SEXP points, SEXP radius, SEXP filter,
                       SEXP threads) {
  const rct_index *living = index_of(index);
  SEXP run = PROTECT(new_run(threads));
  SEXP filled = PROTECT(filled_filter(filter));
  SEXP handle = PROTECT(new_ranges());
  const double *queries = row_major(points);
  rct_ranges *ranges = NULL;
  rct_error *error = NULL;
  const int32_t code = rct_index_range_points(
      living, queries, rows_of(points), columns_of(points), Rf_asReal(radius),
      filter_of(filled), run_of(run), &ranges, &error);
  set_object(handle, ranges);
  end_call(run, code, &error);
  SEXP result = PROTECT(lists_of(ranges));
  UNPROTECT(4);
  return result;
}
