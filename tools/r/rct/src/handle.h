/* What every call of the package needs: objects of the library that R owns, and
 * how a call ends.
 *
 * An error or an interrupt of R's leaves C by longjmp, which frees nothing. So
 * each object of the library is owned by an external pointer, whose finalizer
 * frees it, from before it is made; arrays come from R_alloc or are R's own.
 * Then R may leave at any place between two calls of the library. It must not
 * leave from inside of one: the callbacks that a call is given only write down
 * what they are told, and end_call tells R after the library has returned. */

#ifndef RCT_R_HANDLE_H_
#define RCT_R_HANDLE_H_

#define R_NO_REMAP
#include <R.h>
#include <Rinternals.h>
#include <rct.h>
#include <stdint.h>

/* Return external pointers that own an object; the caller protects them. Those
 * of an index, of a model and of ranges own none yet: set_object gives them
 * one. */
SEXP new_index_handle(void);
SEXP new_model_handle(void);
SEXP new_config(void);
SEXP new_filter(void);
SEXP new_ordering(void);
SEXP new_ranges(void);
SEXP new_run(SEXP threads);
/* The same, with the most bytes that an index may keep; 0 for no limit. */
SEXP new_run_within(SEXP threads, SEXP memory_limit);

void set_object(SEXP handle, void *object);

/* Return what a handle owns. An index or a model that owns nothing, as after it
 * was saved with the workspace, is an error of R's. */
rct_index *index_of(SEXP handle);
rct_model *model_of(SEXP handle);
rct_config *config_of(SEXP handle);
rct_filter *filter_of(SEXP handle);
rct_ordering *ordering_of(SEXP handle);
const rct_run *run_of(SEXP handle);

/* Makes an error of the library's one of R's, with the same text. It takes the
 * address, because C may read a pointer before the call that fills it, which is
 * an argument too. */
void check(int32_t code, rct_error **error);
/* The same for a call that was given a run: also passes on an interrupt, and
 * the warnings that the library gave. */
void end_call(SEXP run, int32_t code, rct_error **error);

/* Returns the rows of an R matrix of doubles one after the other: a copy, which
 * lives until .Call returns. */
const double *row_major(SEXP matrix);
int64_t rows_of(SEXP matrix);
int64_t columns_of(SEXP matrix);

/* Returns row numbers that begin at 0, of R's, which begin at 1; no elements of
 * NULL. */
const int64_t *zero_based(SEXP rows);

#endif /* RCT_R_HANDLE_H_ */
