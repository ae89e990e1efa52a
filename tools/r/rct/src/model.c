/* Orders of points and Vecchia models. */

#include "calls.h"
#include "handle.h"
#include "option.h"

static void set_ordering(rct_ordering *ordering, SEXP options) {
  rct_error *error = NULL;
  SEXP value;
  if ((value = option(options, "method")) != NULL) {
    check(rct_ordering_set_method(ordering, utf8(value), &error), &error);
  }
  if ((value = option(options, "lengthscale")) != NULL) {
    check(rct_ordering_set_lengthscales(ordering, REAL(value),
                                        Rf_xlength(value), &error),
          &error);
  }
  if ((value = option(options, "seed")) != NULL) {
    const uint64_t seed = (uint64_t)Rf_asReal(value);
    check(rct_ordering_set_seed(ordering, seed, &error), &error);
  }
  if ((value = option(options, "column")) != NULL) {
    const int64_t column = (int64_t)Rf_asInteger(value) - 1;
    check(rct_ordering_set_column(ordering, column, &error), &error);
  }
  if ((value = option(options, "num_first")) != NULL) {
    check(rct_ordering_set_num_first(ordering, Rf_asInteger(value), &error),
          &error);
  }
}

SEXP call_order(SEXP points, SEXP options, SEXP threads) {
  SEXP ordering = PROTECT(new_ordering());
  SEXP run = PROTECT(new_run(threads));
  set_ordering(ordering_of(ordering), options);
  const int64_t n = rows_of(points);
  const double *rows = row_major(points);
  int64_t *order = (int64_t *)R_alloc((size_t)n + 1, sizeof(int64_t));
  SEXP result = PROTECT(Rf_allocVector(INTSXP, n));
  rct_error *error = NULL;
  const int32_t code =
      rct_order(rows, n, columns_of(points), ordering_of(ordering), run_of(run),
                order, &error);
  end_call(run, code, &error);
  for (int64_t i = 0; i < n; ++i) INTEGER(result)[i] = (int)(order[i] + 1);
  UNPROTECT(3);
  return result;
}

SEXP call_lon_lat(SEXP places) {
  const int64_t n = rows_of(places);
  const int64_t d = columns_of(places);
  const double *rows = row_major(places);
  double *points = (double *)R_alloc((size_t)n * (d + 1) + 1, sizeof(double));
  SEXP result = PROTECT(Rf_allocMatrix(REALSXP, (int)n, (int)d + 1));
  rct_error *error = NULL;
  check(rct_lon_lat(rows, n, d, points, &error), &error);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= d; ++j) {
      REAL(result)[j * n + i] = points[i * (d + 1) + j];
    }
  }
  UNPROTECT(1);
  return result;
}

SEXP call_model(SEXP index, SEXP k, SEXP noise, SEXP order, SEXP threads) {
  const rct_index *living = index_of(index);
  SEXP run = PROTECT(new_run(threads));
  SEXP handle = PROTECT(new_model_handle());
  const int64_t *rows = zero_based(order);
  rct_model *model = NULL;
  rct_error *error = NULL;
  const int32_t code =
      rct_model_new(living, Rf_asInteger(k), Rf_asReal(noise), rows,
                    Rf_xlength(order), run_of(run), &model, &error);
  set_object(handle, model);
  end_call(run, code, &error);
  UNPROTECT(2);
  return handle;
}

SEXP call_describe_model(SEXP model) {
  const rct_model *living = model_of(model);
  const char *names[] = {"n", "d", "k", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, Rf_ScalarInteger((int)rct_model_size(living)));
  SET_VECTOR_ELT(result, 1, Rf_ScalarInteger((int)rct_model_dim(living)));
  SET_VECTOR_ELT(result, 2, Rf_ScalarInteger((int)rct_model_k(living)));
  UNPROTECT(1);
  return result;
}

SEXP call_log_likelihood(SEXP model, SEXP y) {
  double value = 0;
  rct_error *error = NULL;
  check(rct_model_log_likelihood(model_of(model), REAL(y), Rf_xlength(y),
                                 &value, &error),
        &error);
  return Rf_ScalarReal(value);
}

SEXP call_solve(SEXP model, SEXP y) {
  const rct_model *living = model_of(model);
  SEXP result = PROTECT(Rf_allocVector(REALSXP, Rf_xlength(y)));
  rct_error *error = NULL;
  check(rct_model_solve(living, REAL(y), Rf_xlength(y), REAL(result), &error),
        &error);
  UNPROTECT(1);
  return result;
}

SEXP call_predict(SEXP model, SEXP points, SEXP y, SEXP threads) {
  const rct_model *living = model_of(model);
  SEXP run = PROTECT(new_run(threads));
  const int64_t q = rows_of(points);
  const double *rows = row_major(points);
  const char *names[] = {"mean", "variance", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, Rf_allocVector(REALSXP, q));
  SET_VECTOR_ELT(result, 1, Rf_allocVector(REALSXP, q));
  rct_error *error = NULL;
  const int32_t code = rct_model_predict(
      living, rows, q, columns_of(points), REAL(y), Rf_xlength(y), run_of(run),
      REAL(VECTOR_ELT(result, 0)), REAL(VECTOR_ELT(result, 1)), &error);
  end_call(run, code, &error);
  UNPROTECT(2);
  return result;
}

SEXP call_version(void) { return Rf_mkString(rct_version()); }
