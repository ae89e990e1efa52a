#include "filter.h"

#include "handle.h"
#include "option.h"

SEXP filled_filter(SEXP options) {
  SEXP handle = PROTECT(new_filter());
  rct_filter *filter = filter_of(handle);
  rct_error *error = NULL;
  SEXP value;
  if ((value = option(options, "predecessor")) != NULL) {
    check(rct_filter_set_predecessor(filter, Rf_asLogical(value), &error),
          &error);
  }
  if ((value = option(options, "exclude_self")) != NULL) {
    check(rct_filter_set_exclude_self(filter, Rf_asLogical(value), &error),
          &error);
  }
  if ((value = option(options, "radius")) != NULL) {
    check(rct_filter_set_radius(filter, Rf_asReal(value), &error), &error);
  }
  if ((value = option(options, "allowed")) != NULL) {
    const R_xlen_t n = Rf_xlength(value);
    uint8_t *flags = (uint8_t *)R_alloc(n + 1, 1);
    for (R_xlen_t i = 0; i < n; ++i) flags[i] = LOGICAL(value)[i] != 0;
    check(rct_filter_set_allowed(filter, flags, n, &error), &error);
  }
  UNPROTECT(1);
  return handle;
}
