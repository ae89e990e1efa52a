#' Order points, and place longitudes and latitudes on a sphere
#'
#' `rct_order()` orders points for Vecchia approximations. `rct_lon_lat()` makes points
#' on a sphere, whose Euclidean distances have the order of great-circle distances.
#'
#' @param points a numeric matrix or data frame with a point in each row.
#' @param method `"maxmin"`: first the point nearest to the mean, then always the one
#'   farthest from all before it. `"random"`. `"coordinate"`: by one of them.
#'   `"middle_out"`: by the distance from the mean.
#' @param lengthscale what coordinates are divided by for `"maxmin"` and
#'   `"middle_out"`: one number, or one for each coordinate.
#' @param seed a whole number, of `"random"`; by default 1.
#' @param column the column of `"coordinate"`; by default 1.
#' @param num_first rows 1 to `num_first` come before all others, as points of a
#'   training set before new ones.
#' @param threads the number of threads; 0 for one for each processor.
#' @param places a matrix or data frame with longitude and latitude in degrees in the
#'   first two columns, and others.
#' @return `rct_order()` returns all row numbers, the first of the order first.
#'   `rct_lon_lat()` returns a matrix of x, y and z in kilometres, followed by the other
#'   columns.
#' @examples
#' places <- rct_lon_lat(quakes[, c("long", "lat")])
#' head(places)
#' head(rct_order(places))
#' head(rct_order(places, "random", seed = 7))
#' @export
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

#' @rdname rct_order
#' @export
rct_lon_lat <- function(places) .Call(C_lon_lat, as_points(places, "places"))
