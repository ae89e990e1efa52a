// Calls the library as a program in C99 does: rct.h is all that it needs.

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/c/rct.h"

// Ends the program where a call fails or an expectation does not hold.
#define EXPECT(condition)                                             \
  do {                                                                \
    if (!(condition)) {                                               \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                        \
    }                                                                 \
  } while (0)

enum { N = 200, D = 2, K = 5, M = 10 };

static double points[N * D];
static double observed[N];

static void make_points(void) {
  uint64_t state = 1;
  int i;
  for (i = 0; i < N * D; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    points[i] = (double)(state >> 40) / 16777216.0;
  }
  for (i = 0; i < N; ++i) observed[i] = points[i * D] - points[i * D + 1];
}

static rct_index *make_index(void) {
  const double lengthscale = 0.3;
  rct_error *error;
  rct_index *index;
  rct_config *config = rct_config_new();
  EXPECT(config != NULL);
  EXPECT(rct_config_set_kernel(config, "matern32", &error) == RCT_OK);
  EXPECT(error == NULL);
  EXPECT(rct_config_set_lengthscales(config, &lengthscale, 1, NULL) == RCT_OK);
  EXPECT(rct_config_set_inducing(config, "kmeans++", M, 7, NULL) == RCT_OK);
  EXPECT(rct_index_build(points, N, D, config, NULL, &index, &error) == RCT_OK);
  rct_config_free(config);
  EXPECT(rct_index_size(index) == N);
  EXPECT(rct_index_dim(index) == D);
  EXPECT(rct_index_num_inducing(index) == M);
  EXPECT(strcmp(rct_index_metric(index), "residual") == 0);
  EXPECT(strcmp(rct_index_strategy(index), "block") == 0);
  return index;
}

static void test_searches(const rct_index *index) {
  static int64_t sets[N * K];
  static double distances[N * K];
  int64_t order[N];
  int64_t one[K];
  double at_one[K];
  int64_t row = N - 1;
  int i;
  rct_filter *filter = rct_filter_new();
  EXPECT(rct_order(points, N, D, NULL, NULL, order, NULL) == RCT_OK);
  EXPECT(rct_filter_set_predecessor(filter, 1, NULL) == RCT_OK);
  EXPECT(rct_index_graph(index, K, order, N, filter, NULL, sets, distances,
                         NULL) == RCT_OK);
  // The first in the order has no predecessor, and the second has one.
  EXPECT(sets[order[0] * K] == -1 && isinf(distances[order[0] * K]));
  EXPECT(sets[order[1] * K] == order[0] && sets[order[1] * K + 1] == -1);

  EXPECT(rct_index_graph(index, K, NULL, 0, filter, NULL, sets, distances,
                         NULL) == RCT_OK);
  EXPECT(rct_index_search(index, &row, 1, K, filter, NULL, one, at_one, NULL) ==
         RCT_OK);
  for (i = 0; i < K; ++i) {
    EXPECT(one[i] == sets[row * K + i] && one[i] < row);
    EXPECT(at_one[i] == distances[row * K + i]);
  }
  rct_filter_free(filter);
}

static void test_ranges(const rct_index *index) {
  const int64_t rows[2] = {3, 5};
  const double radius = 0.6;
  rct_ranges *ranges;
  int64_t i;
  EXPECT(rct_index_range(index, rows, 2, radius, NULL, NULL, &ranges, NULL) ==
         RCT_OK);
  EXPECT(rct_ranges_num_queries(ranges) == 2);
  EXPECT(rct_ranges_offsets(ranges)[2] == rct_ranges_num_neighbors(ranges));
  EXPECT(rct_ranges_num_neighbors(ranges) >= 2);
  for (i = 0; i < rct_ranges_num_neighbors(ranges); ++i) {
    EXPECT(rct_ranges_rows(ranges)[i] >= 0 && rct_ranges_rows(ranges)[i] < N);
    EXPECT(rct_ranges_distances(ranges)[i] < radius);
  }
  rct_ranges_free(ranges);
}

static void test_model(const rct_index *index) {
  double likelihood = 0;
  double mean[2];
  double variance[2];
  rct_model *model;
  EXPECT(rct_model_new(index, K, 0.01, NULL, 0, NULL, &model, NULL) == RCT_OK);
  EXPECT(rct_model_log_likelihood(model, observed, N, &likelihood, NULL) ==
         RCT_OK);
  EXPECT(likelihood < 0 || likelihood > 0);
  EXPECT(rct_model_predict(model, points, 2, D, observed, N, NULL, mean,
                           variance, NULL) == RCT_OK);
  EXPECT(fabs(mean[0] - observed[0]) < 0.2 && variance[0] < 0.1);
  rct_model_free(model);
}

static int32_t stop(double done, void *user) {
  *(double *)user = done;
  return 1;
}

static void test_errors(const rct_index *index) {
  double done = -1;
  const int64_t row = N;
  int64_t neighbor = -7;
  rct_error *error = NULL;
  rct_run *run = rct_run_new();
  EXPECT(rct_index_search(index, &row, 1, 1, NULL, NULL, &neighbor, NULL,
                          &error) == RCT_INVALID_ARGUMENT);
  EXPECT(rct_error_code(error) == RCT_INVALID_ARGUMENT);
  EXPECT(strstr(rct_error_message(error), "200") != NULL);
  EXPECT(neighbor == -7);
  rct_error_free(error);

  EXPECT(rct_run_set_progress(run, stop, &done, NULL) == RCT_OK);
  EXPECT(rct_index_graph(index, 1, NULL, 0, NULL, run, &neighbor, NULL,
                         &error) == RCT_CANCELLED);
  EXPECT(done == 0 && neighbor == -7);
  rct_error_free(error);
  rct_run_free(run);
}

int main(void) {
  rct_index *index;
  make_points();
  index = make_index();
  test_searches(index);
  test_ranges(index);
  test_model(index);
  test_errors(index);
  rct_index_free(index);
  printf("rct %s\n", rct_version());
  return 0;
}
