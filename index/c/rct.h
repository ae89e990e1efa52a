// rct in C: exact nearest neighbors under residual correlation, orders of
// points and Vecchia models, for programs in C and in languages that call C.
//
//     rct_config *config = rct_config_new();
//     rct_config_set_kernel(config, "matern52", NULL);
//     rct_config_set_lengthscales(config, &lengthscale, 1, NULL);
//     rct_config_set_inducing(config, "random", 200, 1, NULL);
//
//     rct_index *index;
//     rct_error *error;
//     if (rct_index_build(points, n, d, config, NULL, &index, &error) !=
//     RCT_OK) {
//       fprintf(stderr, "%s\n", rct_error_message(error));
//       rct_error_free(error);
//       return 1;
//     }
//     rct_index_search(index, rows, q, k, NULL, NULL, neighbors, distances,
//                      NULL);                                  // q x k each
//     rct_index_free(index);
//     rct_config_free(config);
//
// What the calls compute is described in index/residual_index.h, under "Index"
// and "Vecchia model" below in short. For n points x_i with a covariance
// function k and m inducing points, whose part of the covariance is v_i . v_j,
//
//     rho(i, j) = (k(x_i, x_j) - v_i . v_j) / sqrt(p_i p_j),
//     p_i = k(x_i, x_i) - v_i . v_i,          d(i, j) = sqrt(1 - |rho(i, j)|),
//
// and a search returns the points of smallest d. Answers are exact for these
// float64 numbers, and have the same bits as those of the C++ library, for any
// number of threads, any strategy and any processor.
//
// A stable interface. Objects are opaque: a caller knows no size and no layout,
// and sets options one by one, by functions. So a later version adds an option
// without a change to programs that exist, and a language without C structs
// needs no more than pointers, 32- and 64-bit integers, doubles and strings.
// Choices are words ("matern52", "block"), which need no table of constants in
// other languages; the error for a word that does not exist lists those that
// do. The shared library's name changes (librct.so.0, librct.so.1) where a
// function is removed or means something else; functions are added under the
// same name.
//
// Arrays. Points are n x d doubles, one point after the other: element (i, j)
// is points[i * d + j]. (R and Julia keep columns together: pass the transpose,
// d x n.) Row numbers are int64_t and begin at 0. Each array is followed by its
// shape. Arrays of no elements may be NULL, others must not be. Inputs are
// copied where they are kept; nothing refers to them after the call.
//
// Outputs whose size follows from the arguments are arrays of the caller's, of
// the shape that the function names; they are written if the call succeeds, and
// left alone if it does not. Those of unknown size are an rct_ranges.
//
// Ownership. What rct_X_new, or a function with an argument rct_X **, makes is
// the caller's, who ends it with rct_X_free, once. rct_X_free(NULL) does
// nothing. A pointer that a function returns otherwise belongs to the object it
// was asked of and is valid as long as that object. An rct_model keeps what it
// needs of its index, which may be freed before it.
//
// Errors. A function that can fail returns RCT_OK or a code, and takes a last
// argument rct_error **error. If that is not NULL, *error becomes NULL on
// success, and on failure an object with the code and a text: which argument is
// wrong, in which row, and what to do. What *error was before does not matter.
// An output that is a pointer becomes NULL on failure. A failure changes
// nothing else: indexes, models, options and files stay as they were, and so
// does the process: no C++ exception leaves a function, and too little memory
// is RCT_RESOURCE_EXHAUSTED. A null argument where none is allowed is
// RCT_INVALID_ARGUMENT. What cannot be checked are pointers to freed objects
// and arrays shorter than their shape.
//
// Threads. Indexes and models do not change: any number of threads may use one
// at once. Options (rct_config, rct_filter, rct_ordering, rct_run) may be used
// by several calls at once while nobody sets them. A call itself uses all
// processors that the process may use, or as many threads as its rct_run says,
// and has none left when it returns.
//
// This header is C99 and C++.

#ifndef RCT_INDEX_C_RCT_H_
#define RCT_INDEX_C_RCT_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Codes. -------------------------------------------------------------------
//
// Their numbers are those of absl::StatusCode. A later version may return
// others of these: a caller treats what it does not know as RCT_UNKNOWN.
enum {
  RCT_OK = 0,
  // The progress callback asked for the end.
  RCT_CANCELLED = 1,
  // Something else, which the message describes.
  RCT_UNKNOWN = 2,
  // An argument, an option or a file's contents are wrong.
  RCT_INVALID_ARGUMENT = 3,
  // There is no such file or folder.
  RCT_NOT_FOUND = 5,
  RCT_ALREADY_EXISTS = 6,
  // The system does not allow a file to be read or written.
  RCT_PERMISSION_DENIED = 7,
  // Memory or the disk is full.
  RCT_RESOURCE_EXHAUSTED = 8,
  // A matrix is not positive definite in float64; an index of this metric has
  // no such call; a path names a folder.
  RCT_FAILED_PRECONDITION = 9,
  RCT_OUT_OF_RANGE = 11,
  RCT_UNIMPLEMENTED = 12,
  RCT_INTERNAL = 13,
  RCT_UNAVAILABLE = 14
};

typedef struct rct_error rct_error;

// Returns the code of an error; RCT_OK of NULL.
int32_t rct_error_code(const rct_error *error);
// Returns the text of an error, UTF-8 in one line; "" of NULL.
const char *rct_error_message(const rct_error *error);
void rct_error_free(rct_error *error);

// Returns the version of the library, such as "0.1.0".
const char *rct_version(void);

// Run: how calls run. ------------------------------------------------------
//
// Changes no answer. Where a call takes an rct_run, NULL means all processors
// and silence.
typedef struct rct_run rct_run;

// Is told how much of a call is done, from 0 to 1 and never less than before,
// at its beginning and then at most every 50 milliseconds, in the thread that
// made the call. Returns 0 to go on; anything else ends the call, which then
// returns RCT_CANCELLED. It may call functions of this library. It must return:
// longjmp out of it (as an error of R's does) leaves locks and memory behind. A
// C++ exception out of it ends the call with RCT_UNKNOWN.
typedef int32_t (*rct_progress)(double done, void *user);

// Is told, in the thread that made the call and after its work, of something
// that is legal and probably a mistake, in one sentence: that most neighbors
// found are unrelated to their queries, say, because of a lengthscale in
// another unit than the coordinates. The text is valid during the callback,
// which must return as rct_progress must.
typedef void (*rct_warning)(const char *text, void *user);

// Returns NULL where there is no memory.
rct_run *rct_run_new(void);
void rct_run_free(rct_run *run);
// The number of threads, from 0 to 4096; 0, the default, means one for each
// processor that the process may use.
int32_t rct_run_set_threads(rct_run *run, int32_t threads, rct_error **error);
// The most bytes that an index may keep which a call with this run builds or
// loads, and those that are made of it by rct_index_rebuild or
// rct_index_append. >= 0; 0, the default, means what the machine has. A call
// that is known to need more is RCT_RESOURCE_EXHAUSTED before it begins, with
// the figures. "block" leaves out what does not fit, which makes it slower.
// Answers, and what a call uses while it runs, come on top; arrays that stay in
// a file do not count.
int32_t rct_run_set_memory_limit_bytes(rct_run *run, int64_t bytes,
                                       rct_error **error);
// `user` is passed to each callback. NULL for none.
int32_t rct_run_set_progress(rct_run *run, rct_progress progress, void *user,
                             rct_error **error);
int32_t rct_run_set_warning(rct_run *run, rct_warning warning, void *user,
                            rct_error **error);

// Config: what an index is made with. --------------------------------------
typedef struct rct_config rct_config;

// Returns NULL where there is no memory.
rct_config *rct_config_new(void);
void rct_config_free(rct_config *config);

// The metric: "residual", the default, d as above, in [0, 1]; "correlation",
// the same without inducing points; or "euclidean", the distance of x and y
// with coordinates divided by the lengthscales. An option that the metric has
// no use for is an error of rct_index_build.
int32_t rct_config_set_metric(rct_config *config, const char *metric,
                              rct_error **error);

// The covariance function: with r = |(x - y) / lengthscale|, "rbf",
// exp(-r^2 / 2); "matern12", exp(-r); "matern32" or "matern52"; times the
// variance. Required, but for "euclidean".
int32_t rct_config_set_kernel(rct_config *config, const char *family,
                              rct_error **error);
// One lengthscale for all coordinates or one for each, > 0 and finite, in the
// unit of the coordinates. None, the default, means 1.
int32_t rct_config_set_lengthscales(rct_config *config, const double *values,
                                    int64_t count, rct_error **error);
// k(x, x), > 0 and finite; by default 1. Distances do not depend on it, models
// do.
int32_t rct_config_set_variance(rct_config *config, double variance,
                                rct_error **error);

// The inducing points, by one of three functions, the last one called; required
// for "residual". They are `count` of the points, drawn ("random"), spread over
// the data ("kmeans++"), or each the farthest from those before ("cover_tree",
// which has no use for the seed); or the centers of k-means ("kmeans"). The
// same on every machine for the same seed.
int32_t rct_config_set_inducing(rct_config *config, const char *method,
                                int64_t count, uint64_t seed,
                                rct_error **error);
// Rows of the points, each at most once.
int32_t rct_config_set_inducing_rows(rct_config *config, const int64_t *rows,
                                     int64_t count, rct_error **error);
// Places of their own, m x d.
int32_t rct_config_set_inducing_points(rct_config *config, const double *points,
                                       int64_t m, int64_t d, rct_error **error);
// What the covariance of the inducing points gets on its diagonal, times the
// variance; > 0, by default 1e-6.
int32_t rct_config_set_jitter(rct_config *config, double jitter,
                              rct_error **error);

// How an index searches: "block", "best_first", "level_synchronous" or
// "exhaustive". All give the same answers, at other speeds. By default the
// library chooses.
int32_t rct_config_set_strategy(rct_config *config, const char *strategy,
                                rct_error **error);

// Index. -------------------------------------------------------------------
typedef struct rct_index rct_index;

// Builds an index over `points`, n x d and finite. n may be 0 where inducing
// points, if any, are places of their own. Fails with RCT_FAILED_PRECONDITION
// where the covariance of the inducing points is not positive definite in
// float64: a larger jitter helps, or inducing points farther apart.
int32_t rct_index_build(const double *points, int64_t n, int64_t d,
                        const rct_config *config, const rct_run *run,
                        rct_index **index, rct_error **error);

// Builds an index over the points of `index` with another config, as
// rct_index_build would, faster: the points are shared, and so is what depends
// on them alone. The metric is to be "residual" or "correlation", of both. The
// strategy stays what it is, whatever the config says.
int32_t rct_index_rebuild(const rct_index *index, const rct_config *config,
                          const rct_run *run, rct_index **rebuilt,
                          rct_error **error);

// Builds an index over the points of `index` followed by `points`, q x d, with
// the same options and inducing points. Rows keep their numbers and, with the
// predecessor constraint, their neighbors.
int32_t rct_index_append(const rct_index *index, const double *points,
                         int64_t q, int64_t d, const rct_run *run,
                         rct_index **longer, rct_error **error);

// Writes the index to a file, whole or not at all.
int32_t rct_index_save(const rct_index *index, const char *path,
                       const rct_run *run, rct_error **error);
// Returns the index that rct_index_save, `rct build` or a call of another
// language wrote. The file is checked in full, and a damaged one is
// RCT_INVALID_ARGUMENT. With `map` other than 0 the arrays stay in the file and
// are read as they are touched; then nobody may write to the file or cut it
// short while the index lives (to replace it, as rct_index_save does, is safe).
// An index of "euclidean" is read in any case.
int32_t rct_index_load(const char *path, int32_t map, const rct_run *run,
                       rct_index **index, rct_error **error);
void rct_index_free(rct_index *index);

// Return the number of points, of coordinates and of inducing points; -1 of
// NULL.
int64_t rct_index_size(const rct_index *index);
int64_t rct_index_dim(const rct_index *index);
int64_t rct_index_num_inducing(const rct_index *index);
// Return the words of rct_config_set_metric, where "residual" without inducing
// points is "correlation", and of rct_config_set_strategy; NULL of NULL.
const char *rct_index_metric(const rct_index *index);
const char *rct_index_strategy(const rct_index *index);

// Filter: which rows may be neighbors. -------------------------------------
//
// Where a search takes one, NULL means all rows.
typedef struct rct_filter rct_filter;

// Returns NULL where there is no memory.
rct_filter *rct_filter_new(void);
void rct_filter_free(rct_filter *filter);
// Other than 0: only rows before the query's own (Vecchia).
int32_t rct_filter_set_predecessor(rct_filter *filter, int32_t predecessor,
                                   rct_error **error);
// Other than 0: a row is no neighbor of itself.
int32_t rct_filter_set_exclude_self(rct_filter *filter, int32_t exclude_self,
                                    rct_error **error);
// Only rows at a distance strictly below it; infinity, the default, is no
// limit. NaN is an error. Not for range searches, which take one themselves.
int32_t rct_filter_set_radius(rct_filter *filter, double radius,
                              rct_error **error);
// Only rows whose flag is not 0, one flag for each of the n rows of the index.
// Queries may be any rows. A count of 0, the default, means all rows.
int32_t rct_filter_set_allowed(rct_filter *filter, const uint8_t *flags,
                               int64_t count, rct_error **error);

// Searches. ----------------------------------------------------------------
//
// Neighbors of a query are ordered by (distance, row): of points that are
// repeated, those of lower rows come first, and a query's own row need not be
// the first. Row i of `neighbors` and of `distances`, q x k, belongs to query
// i. Where a query has fewer than k neighbors, the rest is row -1 at distance
// infinity. `distances` may be NULL where nobody needs them.

// Finds the k nearest rows to q rows, each from 0 to n - 1; k >= 1.
int32_t rct_index_search(const rct_index *index, const int64_t *rows, int64_t q,
                         int64_t k, const rct_filter *filter,
                         const rct_run *run, int64_t *neighbors,
                         double *distances, rct_error **error);

// Finds the k nearest rows to new points, q x d and finite, which are no rows:
// a filter by predecessor or exclude_self is an error.
int32_t rct_index_search_points(const rct_index *index, const double *points,
                                int64_t q, int64_t d, int64_t k,
                                const rct_filter *filter, const rct_run *run,
                                int64_t *neighbors, double *distances,
                                rct_error **error);

// Finds the k nearest rows to every row, itself excluded: q = n. With a filter
// by predecessor they are conditioning sets for Vecchia approximations. `order`
// holds all n rows in an order, as rct_order makes it, in which a predecessor
// is a row that comes before, and of neighbors at one distance the earlier
// comes first; a count of 0 means the order of the rows. Rows keep their
// numbers in any order.
int32_t rct_index_graph(const rct_index *index, int64_t k, const int64_t *order,
                        int64_t order_count, const rct_filter *filter,
                        const rct_run *run, int64_t *neighbors,
                        double *distances, rct_error **error);

// All neighbors of queries, however many: those of query i are elements
// offsets[i] to offsets[i + 1] - 1 of the rows and of the distances.
typedef struct rct_ranges rct_ranges;

// Find all rows at a distance strictly below `radius` from q rows, and from new
// points, q x d.
int32_t rct_index_range(const rct_index *index, const int64_t *rows, int64_t q,
                        double radius, const rct_filter *filter,
                        const rct_run *run, rct_ranges **ranges,
                        rct_error **error);
int32_t rct_index_range_points(const rct_index *index, const double *points,
                               int64_t q, int64_t d, double radius,
                               const rct_filter *filter, const rct_run *run,
                               rct_ranges **ranges, rct_error **error);
void rct_ranges_free(rct_ranges *ranges);

// Return the number of queries, q, and of all neighbors, offsets[q]; -1 of
// NULL.
int64_t rct_ranges_num_queries(const rct_ranges *ranges);
int64_t rct_ranges_num_neighbors(const rct_ranges *ranges);
// Return the q + 1 offsets, and the rows and distances; NULL of NULL, and maybe
// where there are no neighbors.
const int64_t *rct_ranges_offsets(const rct_ranges *ranges);
const int64_t *rct_ranges_rows(const rct_ranges *ranges);
const double *rct_ranges_distances(const rct_ranges *ranges);

// Orders of points. --------------------------------------------------------
//
// "maxmin": first the point nearest to the mean, then always the one farthest
// from all before it, repeats last. "random". "coordinate": by one of them,
// ascending. "middle_out": by the distance from the mean, ascending. Ties go to
// the lower row; the same order on every machine.
typedef struct rct_ordering rct_ordering;

// Returns the options of "maxmin"; NULL where there is no memory.
rct_ordering *rct_ordering_new(void);
void rct_ordering_free(rct_ordering *ordering);
int32_t rct_ordering_set_method(rct_ordering *ordering, const char *method,
                                rct_error **error);
// What coordinates are divided by for "maxmin" and "middle_out", as in
// rct_config_set_lengthscales.
int32_t rct_ordering_set_lengthscales(rct_ordering *ordering,
                                      const double *values, int64_t count,
                                      rct_error **error);
// Of "random"; by default 1.
int32_t rct_ordering_set_seed(rct_ordering *ordering, uint64_t seed,
                              rct_error **error);
// Of "coordinate", from 0 to d - 1; by default 0.
int32_t rct_ordering_set_column(rct_ordering *ordering, int64_t column,
                                rct_error **error);
// Rows 0 to num_first - 1 come before all others, as points of a training set
// before new ones; the method orders both groups. By default 0.
int32_t rct_ordering_set_num_first(rct_ordering *ordering, int64_t num_first,
                                   rct_error **error);

// Writes the n rows of `points`, n x d and finite, to `order`, the first of the
// order first. An ordering of NULL is "maxmin".
int32_t rct_order(const double *points, int64_t n, int64_t d,
                  const rct_ordering *ordering, const rct_run *run,
                  int64_t *order, rct_error **error);

// Writes for each place, n x d with longitude and latitude in degrees first,
// the point (x, y, z, further columns ...), n x (d + 1), on a sphere with the
// Earth's mean radius, in kilometres. Euclidean distances of these points, the
// chords, have the order of great-circle distances.
int32_t rct_lon_lat(const double *places, int64_t n, int64_t d, double *points,
                    rct_error **error);

// Vecchia model. -----------------------------------------------------------
//
// A Gaussian process with mean 0 and the covariance function of an index, seen
// at its rows with independent noise: the low-rank part of the inducing points
// as it is, and Vecchia's approximation of the rest, each row given its k
// nearest earlier ones. See index/vecchia/vecchia_model.h.
typedef struct rct_model rct_model;

// Makes a model of an index that is not "euclidean". k >= 0; `noise` is the
// variance of the noise, >= 0; `order` is as in rct_index_graph. The number of
// threads of `run` is also that of the calls below.
int32_t rct_model_new(const rct_index *index, int64_t k, double noise,
                      const int64_t *order, int64_t order_count,
                      const rct_run *run, rct_model **model, rct_error **error);
void rct_model_free(rct_model *model);

// Return the number of rows, n, of coordinates, d, and of neighbors, k; -1 of
// NULL.
int64_t rct_model_size(const rct_model *model);
int64_t rct_model_dim(const rct_model *model);
int64_t rct_model_k(const rct_model *model);

// Writes log p(y) to *log_likelihood. `y` has a finite number for each row.
int32_t rct_model_log_likelihood(const rct_model *model, const double *y,
                                 int64_t n, double *log_likelihood,
                                 rct_error **error);

// Writes C^-1 y, of n numbers, with the covariance C of observations.
int32_t rct_model_solve(const rct_model *model, const double *y, int64_t n,
                        double *solution, rct_error **error);

// Writes mean and variance of the process at new points, q x d and finite,
// given `y`: q numbers each. The variance is without noise; an observation has
// that in addition. `variance` may be NULL where nobody needs it.
int32_t rct_model_predict(const rct_model *model, const double *points,
                          int64_t q, int64_t d, const double *y, int64_t n,
                          const rct_run *run, double *mean, double *variance,
                          rct_error **error);

#ifdef __cplusplus
}  // extern "C"
#endif

#endif  // RCT_INDEX_C_RCT_H_
