/* Indexes: made, changed, described, saved and loaded. */

#include "calls.h"
#include "handle.h"
#include "option.h"

static void set_inducing(rct_config *config, SEXP options) {
  rct_error *error = NULL;
  SEXP value;
  if ((value = option(options, "inducing_method")) != NULL) {
    const double count = Rf_asReal(option(options, "num_inducing"));
    const double seed = Rf_asReal(option(options, "seed"));
    check(rct_config_set_inducing(config, utf8(value), (int64_t)count,
                                  (uint64_t)seed, &error),
          &error);
  }
  if ((value = option(options, "inducing_rows")) != NULL) {
    check(rct_config_set_inducing_rows(config, zero_based(value),
                                       Rf_xlength(value), &error),
          &error);
  }
  if ((value = option(options, "inducing_points")) != NULL) {
    check(
        rct_config_set_inducing_points(config, row_major(value), rows_of(value),
                                       columns_of(value), &error),
        &error);
  }
}

static void set_options(rct_config *config, SEXP options) {
  rct_error *error = NULL;
  SEXP value;
  if ((value = option(options, "metric")) != NULL) {
    check(rct_config_set_metric(config, utf8(value), &error), &error);
  }
  if ((value = option(options, "kernel")) != NULL) {
    check(rct_config_set_kernel(config, utf8(value), &error), &error);
  }
  if ((value = option(options, "lengthscale")) != NULL) {
    check(rct_config_set_lengthscales(config, REAL(value), Rf_xlength(value),
                                      &error),
          &error);
  }
  if ((value = option(options, "variance")) != NULL) {
    check(rct_config_set_variance(config, Rf_asReal(value), &error), &error);
  }
  if ((value = option(options, "jitter")) != NULL) {
    check(rct_config_set_jitter(config, Rf_asReal(value), &error), &error);
  }
  if ((value = option(options, "strategy")) != NULL) {
    check(rct_config_set_strategy(config, utf8(value), &error), &error);
  }
  set_inducing(config, options);
}

SEXP call_build(SEXP points, SEXP options, SEXP memory_limit, SEXP threads) {
  SEXP config = PROTECT(new_config());
  SEXP run = PROTECT(new_run_within(threads, memory_limit));
  SEXP handle = PROTECT(new_index_handle());
  set_options(config_of(config), options);
  const double *rows = row_major(points);
  rct_index *index = NULL;
  rct_error *error = NULL;
  const int32_t code =
      rct_index_build(rows, rows_of(points), columns_of(points),
                      config_of(config), run_of(run), &index, &error);
  set_object(handle, index);
  end_call(run, code, &error);
  UNPROTECT(3);
  return handle;
}

SEXP call_rebuild(SEXP index, SEXP options, SEXP threads) {
  const rct_index *living = index_of(index);
  SEXP config = PROTECT(new_config());
  SEXP run = PROTECT(new_run(threads));
  SEXP handle = PROTECT(new_index_handle());
  set_options(config_of(config), options);
  rct_index *rebuilt = NULL;
  rct_error *error = NULL;
  const int32_t code = rct_index_rebuild(living, config_of(config), run_of(run),
                                         &rebuilt, &error);
  set_object(handle, rebuilt);
  end_call(run, code, &error);
  UNPROTECT(3);
  return handle;
}

SEXP call_append(SEXP index, SEXP points, SEXP threads) {
  const rct_index *living = index_of(index);
  SEXP run = PROTECT(new_run(threads));
  SEXP handle = PROTECT(new_index_handle());
  const double *rows = row_major(points);
  rct_index *longer = NULL;
  rct_error *error = NULL;
  const int32_t code =
      rct_index_append(living, rows, rows_of(points), columns_of(points),
                       run_of(run), &longer, &error);
  set_object(handle, longer);
  end_call(run, code, &error);
  UNPROTECT(2);
  return handle;
}

SEXP call_describe(SEXP index) {
  const rct_index *living = index_of(index);
  const char *names[] = {"n", "d", "num_inducing", "metric", "strategy", ""};
  SEXP result = PROTECT(Rf_mkNamed(VECSXP, names));
  SET_VECTOR_ELT(result, 0, Rf_ScalarInteger((int)rct_index_size(living)));
  SET_VECTOR_ELT(result, 1, Rf_ScalarInteger((int)rct_index_dim(living)));
  SET_VECTOR_ELT(result, 2,
                 Rf_ScalarInteger((int)rct_index_num_inducing(living)));
  SET_VECTOR_ELT(result, 3, Rf_mkString(rct_index_metric(living)));
  SET_VECTOR_ELT(result, 4, Rf_mkString(rct_index_strategy(living)));
  UNPROTECT(1);
  return result;
}

SEXP call_save(SEXP index, SEXP path, SEXP threads) {
  const rct_index *living = index_of(index);
  SEXP run = PROTECT(new_run(threads));
  const char *name = Rf_translateChar(STRING_ELT(path, 0));
  rct_error *error = NULL;
  const int32_t code = rct_index_save(living, name, run_of(run), &error);
  end_call(run, code, &error);
  UNPROTECT(1);
  return R_NilValue;
}

SEXP call_load(SEXP path, SEXP map, SEXP memory_limit, SEXP threads) {
  SEXP run = PROTECT(new_run_within(threads, memory_limit));
  SEXP handle = PROTECT(new_index_handle());
  const char *name = Rf_translateChar(STRING_ELT(path, 0));
  rct_index *index = NULL;
  rct_error *error = NULL;
  const int32_t code =
      rct_index_load(name, Rf_asLogical(map), run_of(run), &index, &error);
  set_object(handle, index);
  end_call(run, code, &error);
  UNPROTECT(2);
  return handle;
}
