rct_neighbors <- function(index, k, rows = NULL, points = NULL,
                          predecessor = FALSE, exclude_self = FALSE,
                          radius = Inf, allowed = NULL, threads = 0) {
  n <- describe(index)$n
  k <- as_count(k, "k", 1)
  if (is.null(rows) == is.null(points)) {
    refuse("Give either `rows`, row numbers of the index, or `points`, new ",
           "points.")
  }
  filter <- as_filter(predecessor, exclude_self, radius, allowed, n)
  threads <- as_threads(threads)
  if (is.null(rows)) {
    .Call(C_search_points, index$pointer, as_points(points, "points"), k,
          filter, threads)
  } else {
    .Call(C_search, index$pointer, as_rows(rows, n, "rows"), k, filter, threads)
  }
}

rct_graph <- function(index, k, predecessor = FALSE, order = NULL,
                      radius = Inf, allowed = NULL, threads = 0) {
  n <- describe(index)$n
  k <- as_count(k, "k", 1)
  filter <- as_filter(predecessor, FALSE, radius, allowed, n)
  .Call(C_graph, index$pointer, k, as_order(order, n), filter,
        as_threads(threads))
}

rct_nn_array <- function(index, m, order = NULL, threads = 0) {
  n <- describe(index)$n
  m <- as_count(m, "m", 1)
  graph <- rct_graph(index, m, predecessor = TRUE, order = order,
                     threads = threads)$neighbors
  if (!is.null(order)) {
    position <- integer(n)
    position[order] <- seq_len(n)
    graph <- matrix(position[graph[order, , drop = FALSE]], n, m)
  }
  cbind(seq_len(n), graph, deparse.level = 0)
}
