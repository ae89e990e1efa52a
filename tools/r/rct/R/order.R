rct_order <- function(points, method = "maxmin", lengthscale = NULL, seed = NULL,
                      column = NULL, num_first = 0, threads = 0) {
  points <- as_points(points, "points")
  options <- list(
    method = as_word(method, "method"),
    num_first = as_count(num_first, "num_first", 0))
  if (!is.null(lengthscale)) {
    options$lengthscale <- as_numbers(lengthscale, "lengthscale")
  }
  if (!is.null(seed)) options$seed <- as_seed(seed)
  if (!is.null(column)) {
    options$column <- as.integer(as_whole(column, "column", 1, ncol(points)))
  }
  .Call(C_order, points, options, as_threads(threads))
}

rct_lon_lat <- function(places) .Call(C_lon_lat, as_points(places, "places"))
