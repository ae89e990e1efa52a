/* Options come from R as a named list without those that were not given. */

#ifndef RCT_R_OPTION_H_
#define RCT_R_OPTION_H_

#define R_NO_REMAP
#include <Rinternals.h>
#include <string.h>

/* Returns an option, or NULL where it was not given. */
static inline SEXP option(SEXP options, const char *name) {
  SEXP names = Rf_getAttrib(options, R_NamesSymbol);
  for (R_xlen_t i = 0; i < Rf_xlength(options); ++i) {
    if (strcmp(CHAR(STRING_ELT(names, i)), name) == 0) {
      return VECTOR_ELT(options, i);
    }
  }
  return NULL;
}

/* Returns a string in the encoding of the library, which is UTF-8. */
static inline const char *utf8(SEXP strings) {
  return Rf_translateCharUTF8(STRING_ELT(strings, 0));
}

#endif /* RCT_R_OPTION_H_ */
