#include "handle.h"

#include <R_ext/Utils.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kMaxWarnings = 16, kMaxText = 8192 };

/* A run and what its callbacks wrote down. */
typedef struct {
  rct_run *run;
  int interrupted;
  int num_warnings;
  char *warnings[kMaxWarnings];
} watched_run;

/* Handles. */

static SEXP new_handle(const char *tag, R_CFinalizer_t finalizer) {
  SEXP handle = PROTECT(R_MakeExternalPtr(NULL, Rf_install(tag), R_NilValue));
  R_RegisterCFinalizerEx(handle, finalizer, TRUE);
  UNPROTECT(1);
  return handle;
}

void set_object(SEXP handle, void *object) {
  R_SetExternalPtrAddr(handle, object);
}

static SEXP with_object(SEXP handle, void *object) {
  if (object == NULL) Rf_error("There is not enough memory.");
  set_object(handle, object);
  return handle;
}

static void free_index(SEXP handle) {
  rct_index_free(R_ExternalPtrAddr(handle));
  R_ClearExternalPtr(handle);
}

static void free_model(SEXP handle) {
  rct_model_free(R_ExternalPtrAddr(handle));
  R_ClearExternalPtr(handle);
}

static void free_config(SEXP handle) {
  rct_config_free(R_ExternalPtrAddr(handle));
  R_ClearExternalPtr(handle);
}

static void free_filter(SEXP handle) {
  rct_filter_free(R_ExternalPtrAddr(handle));
  R_ClearExternalPtr(handle);
}

static void free_ordering(SEXP handle) {
  rct_ordering_free(R_ExternalPtrAddr(handle));
  R_ClearExternalPtr(handle);
}

static void free_ranges(SEXP handle) {
  rct_ranges_free(R_ExternalPtrAddr(handle));
  R_ClearExternalPtr(handle);
}

static void free_run(SEXP handle) {
  watched_run *watched = R_ExternalPtrAddr(handle);
  if (watched == NULL) return;
  rct_run_free(watched->run);
  for (int i = 0; i < watched->num_warnings; ++i) free(watched->warnings[i]);
  free(watched);
  R_ClearExternalPtr(handle);
}

SEXP new_index_handle(void) { return new_handle("rct_index", free_index); }
SEXP new_model_handle(void) { return new_handle("rct_vecchia", free_model); }
SEXP new_ranges(void) { return new_handle("rct_ranges", free_ranges); }

SEXP new_config(void) {
  SEXP handle = PROTECT(new_handle("rct_config", free_config));
  with_object(handle, rct_config_new());
  UNPROTECT(1);
  return handle;
}

SEXP new_filter(void) {
  SEXP handle = PROTECT(new_handle("rct_filter", free_filter));
  with_object(handle, rct_filter_new());
  UNPROTECT(1);
  return handle;
}

SEXP new_ordering(void) {
  SEXP handle = PROTECT(new_handle("rct_ordering", free_ordering));
  with_object(handle, rct_ordering_new());
  UNPROTECT(1);
  return handle;
}

static void *living(SEXP handle, const char *tag) {
  if (TYPEOF(handle) != EXTPTRSXP ||
      R_ExternalPtrTag(handle) != Rf_install(tag)) {
    Rf_errorcall(R_NilValue, "This is no %s.", tag);
  }
  void *object = R_ExternalPtrAddr(handle);
  if (object == NULL) {
    Rf_errorcall(
        R_NilValue,
        "This %s was made in another R session, and a workspace does not keep "
        "what it holds. Make it anew; rct_save() and rct_load() keep an index "
        "in a file.",
        tag);
  }
  return object;
}

rct_index *index_of(SEXP handle) { return living(handle, "rct_index"); }
rct_model *model_of(SEXP handle) { return living(handle, "rct_vecchia"); }
rct_config *config_of(SEXP handle) { return R_ExternalPtrAddr(handle); }
rct_filter *filter_of(SEXP handle) { return R_ExternalPtrAddr(handle); }
rct_ordering *ordering_of(SEXP handle) { return R_ExternalPtrAddr(handle); }

const rct_run *run_of(SEXP handle) {
  return ((watched_run *)R_ExternalPtrAddr(handle))->run;
}

/* Runs. */

static void check_interrupt(void *unused) {
  (void)unused;
  R_CheckUserInterrupt();
}

/* R leaves R_CheckUserInterrupt by longjmp, and no farther than to here. */
static int32_t on_progress(double done, void *user) {
  (void)done;
  watched_run *watched = user;
  if (!R_ToplevelExec(check_interrupt, NULL)) watched->interrupted = 1;
  return watched->interrupted;
}

static void on_warning(const char *text, void *user) {
  watched_run *watched = user;
  if (watched->num_warnings == kMaxWarnings) return;
  char *copy = malloc(strlen(text) + 1);
  if (copy == NULL) return;
  watched->warnings[watched->num_warnings++] = strcpy(copy, text);
}

SEXP new_run(SEXP threads) {
  SEXP handle = PROTECT(new_handle("rct_run", free_run));
  watched_run *watched = calloc(1, sizeof(watched_run));
  with_object(handle, watched);
  watched->run = rct_run_new();
  if (watched->run == NULL) Rf_error("There is not enough memory.");
  rct_error *error = NULL;
  check(rct_run_set_threads(watched->run, Rf_asInteger(threads), &error),
        &error);
  check(rct_run_set_progress(watched->run, on_progress, watched, &error),
        &error);
  check(rct_run_set_warning(watched->run, on_warning, watched, &error), &error);
  UNPROTECT(1);
  return handle;
}

SEXP new_run_within(SEXP threads, SEXP memory_limit) {
  SEXP handle = PROTECT(new_run(threads));
  const watched_run *watched = R_ExternalPtrAddr(handle);
  rct_error *error = NULL;
  check(rct_run_set_memory_limit_bytes(
            watched->run, (int64_t)Rf_asReal(memory_limit), &error),
        &error);
  UNPROTECT(1);
  return handle;
}

/* The library's texts are UTF-8, and R's messages are in the user's encoding.
 */
static const char *native(const char *text) {
  SEXP string = PROTECT(Rf_mkCharCE(text, CE_UTF8));
  const char *translated = Rf_translateChar(string);
  UNPROTECT(1);
  return translated;
}

void check(int32_t code, rct_error **error) {
  if (code == RCT_OK) return;
  char text[kMaxText];
  snprintf(text, sizeof(text), "%s", rct_error_message(*error));
  rct_error_free(*error);
  Rf_errorcall(R_NilValue, "%s", native(text));
}

void end_call(SEXP run, int32_t code, rct_error **error) {
  watched_run *watched = R_ExternalPtrAddr(run);
  if (code == RCT_CANCELLED && watched->interrupted) {
    rct_error_free(*error);
    /* The interrupt was taken in on_progress. R gets another one, and treats it
     * as it treats all: with the handlers of the caller. */
    raise(SIGINT);
    R_CheckUserInterrupt();
    Rf_error("The call was interrupted.");
  }
  check(code, error);
  for (int i = 0; i < watched->num_warnings; ++i) {
    Rf_warningcall(R_NilValue, "%s", native(watched->warnings[i]));
  }
}

/* Arrays. */

int64_t rows_of(SEXP matrix) { return Rf_nrows(matrix); }
int64_t columns_of(SEXP matrix) { return Rf_ncols(matrix); }

const double *row_major(SEXP matrix) {
  const int64_t n = rows_of(matrix);
  const int64_t d = columns_of(matrix);
  const double *from = REAL(matrix);
  double *to = (double *)R_alloc((size_t)n * d + 1, sizeof(double));
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < d; ++j) to[i * d + j] = from[j * n + i];
  }
  return to;
}

const int64_t *zero_based(SEXP rows) {
  const R_xlen_t n = Rf_xlength(rows);
  if (n == 0) return NULL;
  const int *from = INTEGER(rows);
  int64_t *to = (int64_t *)R_alloc(n, sizeof(int64_t));
  for (R_xlen_t i = 0; i < n; ++i) to[i] = (int64_t)from[i] - 1;
  return to;
}
