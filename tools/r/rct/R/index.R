#' Make an index over points
#'
#' `rct_index()` makes an index, which finds nearest neighbors among its points under
#' the residual correlation, the correlation, or the Euclidean distance.
#' `rct_rebuild()` makes one over the same points with other options, as `rct_index()`
#' would, and faster. `rct_append()` makes one over the same points followed by more,
#' with the same options and inducing points: rows keep their numbers and, with
#' `predecessor = TRUE`, their neighbors.
#'
#' With the covariance function \eqn{k} and the part
#' \eqn{v_i \cdot v_j}{v_i . v_j} of it that the inducing points explain, the residual
#' correlation of points \eqn{i} and \eqn{j} is
#' \deqn{\rho_{ij} = (k(x_i, x_j) - v_i \cdot v_j) / \sqrt{p_i p_j},
#'   \quad p_i = k(x_i, x_i) - v_i \cdot v_i,}{
#'   rho_ij = (k(x_i, x_j) - v_i . v_j) / sqrt(p_i p_j),
#'   p_i = k(x_i, x_i) - v_i . v_i,}
#' and their distance is \eqn{\sqrt{1 - |\rho_{ij}|}}{sqrt(1 - |rho_ij|)}. The metric
#' `"correlation"` is the same without inducing points, and `"euclidean"` is the
#' distance of the coordinates, divided by the lengthscales.
#'
#' An index is not kept in a saved workspace: use [rct_save()].
#'
#' @param points a numeric matrix or data frame with a point in each row. All
#'   coordinates must be finite.
#' @param metric `"residual"`, `"correlation"` or `"euclidean"`: see Details.
#'   `rct_rebuild()` is for the first two, of both indexes.
#' @param kernel the covariance function: `"rbf"`, `"matern12"`, `"matern32"` or
#'   `"matern52"`. Required, but for `"euclidean"`.
#' @param lengthscale one number for all coordinates or one for each, in their unit.
#'   By default 1.
#' @param variance the variance of the process, by default 1. Distances do not depend
#'   on it; models do.
#' @param inducing the inducing points, required for `"residual"`: a method,
#'   `"random"`, `"kmeans"`, `"kmeans++"` or `"cover_tree"`, with `num_inducing`; or
#'   row numbers of the points; or a matrix of places.
#' @param num_inducing how many inducing points the method makes. Without `inducing`
#'   the method is `"random"`.
#' @param seed a whole number, of the method. The same points on every machine.
#' @param jitter what the covariance of the inducing points gets on its diagonal,
#'   times the variance. By default 1e-6.
#' @param strategy how the index searches: `"block"`, `"best_first"`,
#'   `"level_synchronous"` or `"exhaustive"`. All give the same answers. By default
#'   the library chooses.
#' @param memory_limit_bytes the most bytes that the index may keep, also after
#'   `rct_rebuild()` and `rct_append()`; 0 for what the machine has. Where it is known
#'   to need more, that is an error before it begins.
#' @param threads the number of threads; 0 for one for each processor.
#' @param index,x an index.
#' @param ... is not used.
#' @return An object of class `rct_index`.
#' @seealso [rct_neighbors()], [rct_nn_array()], [rct_save()], [rct_vecchia()]
#' @examples
#' places <- rct_lon_lat(quakes[, c("long", "lat")])
#' index <- rct_index(places, kernel = "matern32", lengthscale = 300,
#'                    inducing = "kmeans++", num_inducing = 50)
#' index
#'
#' # Without inducing points, and by distance alone.
#' rct_index(places, "correlation", kernel = "rbf", lengthscale = 300)
#' rct_index(places, "euclidean")
#'
#' # Another lengthscale, and more points.
#' rct_rebuild(index, kernel = "matern32", lengthscale = 100,
#'             inducing = "kmeans++", num_inducing = 50)
#' rct_append(index, rct_lon_lat(cbind(c(180, 182), c(-20, -22))))
#' @export
rct_index <- function(points, metric = "residual", kernel = NULL,
                      lengthscale = NULL, variance = NULL, inducing = NULL,
                      num_inducing = NULL, seed = 1, jitter = NULL,
                      strategy = NULL, memory_limit_bytes = 0, threads = 0) {
  points <- as_points(points, "points")
  options <- model_options(metric, kernel, lengthscale, variance, inducing,
                           num_inducing, seed, jitter, nrow(points))
  if (!is.null(strategy)) options$strategy <- as_word(strategy, "strategy")
  new_index(.Call(C_build, points, options, as_limit(memory_limit_bytes),
                  as_threads(threads)))
}

#' @rdname rct_index
#' @export
rct_rebuild <- function(index, metric = "residual", kernel = NULL,
                        lengthscale = NULL, variance = NULL, inducing = NULL,
                        num_inducing = NULL, seed = 1, jitter = NULL,
                        threads = 0) {
  about <- describe(index)
  options <- model_options(metric, kernel, lengthscale, variance, inducing,
                           num_inducing, seed, jitter, about$n)
  if ("euclidean" %in% c(metric, about$metric)) {
    refuse("rct_rebuild() is for the metrics \"residual\" and \"correlation\": use ",
           "rct_index() to or from \"euclidean\".")
  }
  new_index(.Call(C_rebuild, index$pointer, options, as_threads(threads)))
}

#' @rdname rct_index
#' @export
rct_append <- function(index, points, threads = 0) {
  new_index(.Call(C_append, pointer_of(index, "rct_index", "index"),
                  as_points(points, "points"), as_threads(threads)))
}

new_index <- function(pointer) {
  structure(list(pointer = pointer), class = "rct_index")
}

# Returns what was given of the options of a metric, for an index of n points.
model_options <- function(metric, kernel, lengthscale, variance, inducing,
                          num_inducing, seed, jitter, n) {
  options <- list(metric = as_word(metric, "metric"))
  if (!is.null(kernel)) options$kernel <- as_word(kernel, "kernel")
  if (!is.null(lengthscale)) {
    options$lengthscale <- as_numbers(lengthscale, "lengthscale")
  }
  if (!is.null(variance)) options$variance <- as_number(variance, "variance")
  if (!is.null(jitter)) options$jitter <- as_number(jitter, "jitter")
  options <- c(options, inducing_options(inducing, num_inducing, seed, n))
  require_options(options)
  options
}

# Refuses options of which the metric has no use, and those that it lacks. The library
# does so too, and names functions of C.
require_options <- function(options) {
  given <- sub("^(num_)?inducing.*", "inducing", names(options))
  of_no_use <- switch(options$metric,
                      correlation = c("inducing", "jitter"),
                      euclidean = c("inducing", "jitter", "kernel", "variance"))
  useless <- intersect(of_no_use, given)
  if (length(useless)) {
    refuse("`", useless[1], "` is of no use under the metric \"", options$metric,
           "\". Leave it out, or choose another metric.")
  }
  if (!options$metric %in% c("residual", "correlation")) return()
  if (!"kernel" %in% given) {
    refuse("`kernel` is not given: choose \"rbf\", \"matern12\", \"matern32\" or ",
           "\"matern52\".")
  }
  if (options$metric == "residual" && !"inducing" %in% given) {
    refuse("`inducing` is not given: give `num_inducing`, or choose the metric ",
           "\"correlation\", which has no inducing points.")
  }
}

# Inducing points are a method (a word) and their number, rows of the points (a
# vector), or places of their own (a matrix).
inducing_options <- function(inducing, num_inducing, seed, n) {
  if (is.null(inducing) && is.null(num_inducing)) return(list())
  if (is.null(inducing)) inducing <- "random"
  if (is.character(inducing)) {
    if (is.null(num_inducing)) {
      refuse("`inducing` names a method: give `num_inducing`, how many points.")
    }
    return(list(inducing_method = as_word(inducing, "inducing"),
                num_inducing = as_whole(num_inducing, "num_inducing", 0),
                seed = as_seed(seed)))
  }
  if (!is.null(num_inducing)) {
    refuse("`num_inducing` is for a method: `inducing` has all the points ",
           "itself. Leave it out.")
  }
  if (is.data.frame(inducing) || !is.null(dim(inducing))) {
    return(list(inducing_points = as_points(inducing, "inducing")))
  }
  rows <- as_rows(inducing, n, "inducing")
  if (anyDuplicated(rows)) {
    refuse("`inducing` has row ", rows[anyDuplicated(rows)], " more than once.")
  }
  list(inducing_rows = rows)
}

#' @rdname rct_index
#' @export
print.rct_index <- function(x, ...) {
  about <- describe(x)
  cat("Index of ", about$n, " points with ", about$d, " coordinates\n",
      "  metric:          ", about$metric, "\n", sep = "")
  if (about$metric == "residual") {
    cat("  inducing points: ", about$num_inducing, "\n", sep = "")
  }
  cat("  strategy:        ", about$strategy, "\n", sep = "")
  invisible(x)
}
