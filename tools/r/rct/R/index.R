rct_index <- function(points, metric = "residual", kernel = NULL,
                      lengthscale = NULL, variance = NULL, inducing = NULL,
                      num_inducing = NULL, seed = 1, jitter = NULL,
                      strategy = NULL, threads = 0) {
  points <- as_points(points, "points")
  options <- list(metric = as_word(metric, "metric"))
  if (!is.null(kernel)) options$kernel <- as_word(kernel, "kernel")
  if (!is.null(lengthscale)) {
    options$lengthscale <- as_numbers(lengthscale, "lengthscale")
  }
  if (!is.null(variance)) options$variance <- as_number(variance, "variance")
  if (!is.null(jitter)) options$jitter <- as_number(jitter, "jitter")
  if (!is.null(strategy)) options$strategy <- as_word(strategy, "strategy")
  options <- c(options,
               inducing_options(inducing, num_inducing, seed, nrow(points)))
  new_index(.Call(C_build, points, options, as_threads(threads)))
}

new_index <- function(pointer) {
  structure(list(pointer = pointer), class = "rct_index")
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

rct_save <- function(index, path, threads = 0) {
  .Call(C_save, pointer_of(index, "rct_index", "index"), as_path(path),
        as_threads(threads))
  invisible(path)
}

rct_load <- function(path, map = FALSE, threads = 0) {
  new_index(.Call(C_load, as_path(path), as_flag(map, "map"),
                  as_threads(threads)))
}

rct_version <- function() .Call(C_version)
