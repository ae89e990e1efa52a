// The three nearest of six cities to each of them: a C program.
//
//   sudo apt install ./librct0.deb ./librct-dev.deb
//   make && ./neighbors

#include <rct.h>
#include <stdio.h>

enum { N = 6, K = 3 };

static const char *const names[N] = {"Apia",   "Auckland", "Honolulu",
                                     "Noumea", "Papeete",  "Suva"};
static const double places[N * 2] = {-171.77, -13.83, 174.76, -36.85,
                                     -157.86, 21.31,  166.45, -22.27,
                                     -149.57, -17.54, 178.44, -18.14};

// Returns whether a call failed, after saying why.
static int failed(int32_t code, rct_error *error) {
  if (code == RCT_OK) return 0;
  fprintf(stderr, "%s\n", rct_error_message(error));
  rct_error_free(error);
  return 1;
}

static int print_neighbors(const rct_index *index) {
  rct_error *error;
  int64_t neighbors[N * K];
  double distances[N * K];
  if (failed(rct_index_graph(index, K, NULL, 0, NULL, NULL, neighbors,
                             distances, &error),
             error)) {
    return 1;
  }
  for (int i = 0; i < N; ++i) {
    printf("%s:", names[i]);
    for (int j = 0; j < K; ++j) {
      printf(" %s, %.0f km%s", names[neighbors[i * K + j]],
             distances[i * K + j], j + 1 < K ? ";" : "\n");
    }
  }
  return 0;
}

int main(void) {
  rct_error *error;
  rct_index *index = NULL;
  rct_config *config = rct_config_new();
  double points[N * 3];
  int status = 1;
  if (!failed(rct_lon_lat(places, N, 2, points, &error), error) &&
      !failed(rct_config_set_metric(config, "euclidean", &error), error) &&
      !failed(rct_index_build(points, N, 3, config, NULL, &index, &error),
              error)) {
    status = print_neighbors(index);
  }
  rct_index_free(index);
  rct_config_free(config);
  return status;
}
