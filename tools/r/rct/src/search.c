/* Searches. */

#include "calls.h"
#include "filter.h"
#include "handle.h"

/* What a search writes to: its own arrays, row by row, and R's matrices. */
typedef struct {
  int64_t q;
  int64_t k;
  int64_t *neighbors;
  double *distances;
  SEXP result;
} table;

/* The result is protected, once. */
static table new_table(int64_t q, SEXP k) {
  table t;
  t.q = q;
  t.k = Rf_asInteger(k);
  const size_t size = (size_t)q * t.k + 1;
  t.neighbors = (int64_t *)R_alloc(size, sizeof(int64_t));
  t.distances = (double *)R_alloc(size, sizeof(double));
  const char *names[] = {"neighbors", "distances", ""};
  t.result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(t.result, 0, Rf_allocMatrix(INTSXP, (int)q, (int)t.k));
  SET_VECTOR_ELT(t.result, 1, Rf_allocMatrix(REALSXP, (int)q, (int)t.k));
  UNPROTECT(1);
  return t;
}

static void fill_result(const table *t) {
  int *neighbors = INTEGER(VECTOR_ELT(t->result, 0));
  double *distances = REAL(VECTOR_ELT(t->result, 1));
  for (int64_t i = 0; i < t->q; ++i) {
    for (int64_t j = 0; j < t->k; ++j) {
      const int64_t row = t->neighbors[i * t->k + j];
      neighbors[j * t->q + i] = row < 0 ? NA_INTEGER : (int)(row + 1);
      distances[j * t->q + i] = t->distances[i * t->k + j];
    }
  }
}

SEXP call_search(SEXP index, SEXP rows, SEXP k, SEXP filter, SEXP threads) {
  const rct_index *living = index_of(index);
  SEXP run = PROTECT(new_run(threads));
  SEXP filled = PROTECT(filled_filter(filter));
  const int64_t *queries = zero_based(rows);
  const table t = new_table(Rf_xlength(rows), k);
  PROTECT(t.result);
  rct_error *error = NULL;
  const int32_t code =
      rct_index_search(living, queries, t.q, t.k, filter_of(filled),
                       run_of(run), t.neighbors, t.distances, &error);
  end_call(run, code, &error);
  fill_result(&t);
  UNPROTECT(3);
  return t.result;
}

SEXP call_search_points(SEXP index, SEXP points, SEXP k, SEXP filter,
                        SEXP threads) {
  const rct_index *living = index_of(index);
  SEXP run = PROTECT(new_run(threads));
  SEXP filled = PROTECT(filled_filter(filter));
  const double *queries = row_major(points);
  const table t = new_table(rows_of(points), k);
  PROTECT(t.result);
  rct_error *error = NULL;
  const int32_t code = rct_index_search_points(
      living, queries, t.q, columns_of(points), t.k, filter_of(filled),
      run_of(run), t.neighbors, t.distances, &error);
  end_call(run, code, &error);
  fill_result(&t);
  UNPROTECT(3);
  return t.result;
}

SEXP call_graph(SEXP index, SEXP k, SEXP order, SEXP filter, SEXP threads) {
  const rct_index *living = index_of(index);
  SEXP run = PROTECT(new_run(threads));
  SEXP filled = PROTECT(filled_filter(filter));
  const int64_t *rows = zero_based(order);
  const table t = new_table(rct_index_size(living), k);
  PROTECT(t.result);
  rct_error *error = NULL;
  const int32_t code =
      rct_index_graph(living, t.k, rows, Rf_xlength(order), filter_of(filled),
                      run_of(run), t.neighbors, t.distances, &error);
  end_call(run, code, &error);
  fill_result(&t);
  UNPROTECT(3);
  return t.result;
}
