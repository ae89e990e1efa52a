#' Find nearest neighbors
#'
#' `rct_neighbors()` finds the nearest rows of an index to some of its rows or to new
#' points; `rct_graph()` to every row, itself excluded.
#'
#' @param index an index, as [rct_index()] makes it.
#' @param k how many neighbors.
#' @param rows row numbers of the index, or
#' @param points new points, a matrix or data frame.
#' @param predecessor whether only rows before the query's own may be neighbors.
#' @param exclude_self whether a row is no neighbor of itself.
#' @param order all rows in an order, as [rct_order()] makes it, in which a predecessor
#'   is a row that comes before. By default the order of the rows.
#' @param radius only rows at a smaller distance are neighbors.
#' @param allowed `TRUE` or `FALSE` for each row of the index: which may be neighbors.
#' @param threads the number of threads; 0 for one for each processor.
#' @return A list of two matrices with a row for each query and `k` columns:
#'   \item{neighbors}{row numbers, nearest first. Of rows at one distance the lower (in
#'   `order` the earlier) comes first.}
#'   \item{distances}{their distances.}
#'   Where a query has fewer than `k` neighbors, the rest is `NA` at the distance `Inf`.
#' @seealso [rct_range()], [rct_nn_array()]
#' @examples
#' index <- rct_index(quakes[, c("long", "lat")], kernel = "matern32",
#'                    lengthscale = 3, num_inducing = 50)
#' rct_neighbors(index, 3, rows = 1:4, exclude_self = TRUE)
#' rct_neighbors(index, 3, points = cbind(180, -20))
#' graph <- rct_graph(index, 5, predecessor = TRUE)
#' graph$neighbors[1:8, ]
#' @export
rct_neighbors <- function(index, k, rows = NULL, points = NULL,
                          predecessor = FALSE, exclude_self = FALSE,
                          radius = Inf, allowed = NULL, threads = 0) {
  n <- describe(index)$n
  k <- as_count(k, "k", 1)
  require_queries(rows, points)
  filter <- as_filter(predecessor, exclude_self, radius, allowed, n)
  threads <- as_threads(threads)
  if (is.null(rows)) {
    .Call(C_search_points, index$pointer, as_points(points, "points"), k,
          filter, threads)
  } else {
    .Call(C_search, index$pointer, as_rows(rows, n, "rows"), k, filter, threads)
  }
}

#' @rdname rct_neighbors
#' @export
rct_graph <- function(index, k, predecessor = FALSE, order = NULL,
                      radius = Inf, allowed = NULL, threads = 0) {
  n <- describe(index)$n
  k <- as_count(k, "k", 1)
  filter <- as_filter(predecessor, FALSE, radius, allowed, n)
  .Call(C_graph, index$pointer, k, as_order(order, n), filter,
        as_threads(threads))
}

#' Find all neighbors within a radius
#'
#' Finds all rows of an index that are nearer than a radius, to some of its rows or to
#' new points, however many there are.
#'
#' @inheritParams rct_neighbors
#' @param radius rows at a smaller distance are neighbors.
#' @return A list of two lists with a vector for each query:
#'   \item{neighbors}{row numbers, nearest first, and of rows at one distance the lower
#'   first.}
#'   \item{distances}{their distances.}
#' @seealso [rct_neighbors()]
#' @examples
#' index <- rct_index(rct_lon_lat(quakes[, c("long", "lat")]), "euclidean")
#' near <- rct_range(index, 20, rows = 1:5, exclude_self = TRUE)   # kilometres
#' near$neighbors
#' lengths(rct_range(index, 100, rows = 1:5)$neighbors)
#' @export
rct_range <- function(index, radius, rows = NULL, points = NULL,
                      predecessor = FALSE, exclude_self = FALSE, allowed = NULL,
                      threads = 0) {
  n <- describe(index)$n
  radius <- as_number(radius, "radius")
  require_queries(rows, points)
  filter <- as_filter(predecessor, exclude_self, Inf, allowed, n)
  threads <- as_threads(threads)
  if (is.null(rows)) {
    .Call(C_range_points, index$pointer, as_points(points, "points"), radius,
          filter, threads)
  } else {
    .Call(C_range, index$pointer, as_rows(rows, n, "rows"), radius, filter,
          threads)
  }
}

#' Conditioning sets for GpGp and GPvecchia
#'
#' Finds for each row its `m` nearest earlier rows, in the form that the packages GpGp
#' and GPvecchia call `NNarray`. With a Euclidean index these are the sets that
#' `find_ordered_nn` of GpGp finds.
#'
#' @param index an index, as [rct_index()] makes it, over points in their order; or
#'   over points in any order, with
#' @param m how many neighbors.
#' @param order the order: all rows, the first one first. The result is then that of an
#'   index over `points[order, ]`, if its inducing points are the same places.
#' @param threads the number of threads; 0 for one for each processor.
#' @return An integer matrix with a row for each point and `m + 1` columns. Row `i` has
#'   `i` itself, then the positions of its nearest predecessors, nearest first, then
#'   `NA` where there are fewer than `m`.
#' @examples
#' points <- as.matrix(quakes[, c("long", "lat")])
#' ordered <- points[rct_order(points), ]
#' NNarray <- rct_nn_array(rct_index(ordered, "euclidean"), m = 10)
#' NNarray[1:12, ]
#' \dontrun{
#' # GpGp takes it in place of find_ordered_nn(ordered, 10).
#' GpGp::vecchia_meanzero_loglik(c(1, 3, 0.1), "matern15_isotropic",
#'   quakes$mag[rct_order(points)] - mean(quakes$mag), ordered, NNarray)
#' }
#' @export
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
