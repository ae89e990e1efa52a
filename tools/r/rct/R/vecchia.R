#' Vecchia models: log-likelihood and prediction
#'
#' Makes a Gaussian process with mean 0 and the covariance function of an index, seen at
#' its points with independent noise. The low-rank part of the inducing points is kept
#' as it is; of the rest each row is given its `k` nearest earlier rows (Vecchia's
#' approximation).
#'
#' @param index an index, as [rct_index()] makes it, that is not `"euclidean"`.
#' @param k how many neighbors, 0 or more.
#' @param noise the variance of the noise, 0 or more.
#' @param order all rows in an order, as [rct_order()] makes it. By default the order of
#'   the rows.
#' @param threads the number of threads, also of the model's calls; 0 for one for each
#'   processor.
#' @param model,object,x a model.
#' @param y an observation for each row of the index, about a mean of 0.
#' @param newdata new points, a matrix or data frame.
#' @param ... is not used.
#' @return `rct_vecchia()` returns an object of class `rct_vecchia`;
#'   `rct_log_likelihood()` the logarithm of the density of `y`; `rct_solve()` the
#'   inverse covariance of observations times `y`; and `predict()` a list of `mean` and
#'   `variance` of the process at the new points, given `y`. The variance is without
#'   noise.
#' @examples
#' places <- rct_lon_lat(quakes[, c("long", "lat")])
#' y <- log(quakes$depth)
#' mean <- mean(y)
#'
#' # The lengthscale of the highest likelihood, of three.
#' model <- function(lengthscale) {
#'   index <- rct_index(places, kernel = "matern32", lengthscale = lengthscale,
#'                      variance = var(y), num_inducing = 50)
#'   rct_vecchia(index, k = 10, noise = 0.05, order = rct_order(places))
#' }
#' lengthscales <- c(30, 100, 300)
#' models <- lapply(lengthscales, model)
#' likelihoods <- sapply(models, rct_log_likelihood, y = y - mean)
#' data.frame(lengthscales, likelihoods)
#'
#' best <- models[[which.max(likelihoods)]]
#' new <- rct_lon_lat(cbind(c(180, 182), c(-20, -22)))
#' exp(mean + predict(best, new, y - mean)$mean)    # depths, in kilometres
#' @export
rct_vecchia <- function(index, k, noise, order = NULL, threads = 0) {
  n <- describe(index)$n
  threads <- as_threads(threads)
  pointer <- .Call(C_model, index$pointer, as_count(k, "k", 0),
                   as_number(noise, "noise"), as_order(order, n), threads)
  structure(list(pointer = pointer, noise = noise, threads = threads),
            class = "rct_vecchia")
}

describe_model <- function(model) {
  .Call(C_describe_model, pointer_of(model, "rct_vecchia", "model"))
}

#' @rdname rct_vecchia
#' @export
rct_log_likelihood <- function(model, y) {
  n <- describe_model(model)$n
  .Call(C_log_likelihood, model$pointer, as_observations(y, n))
}

#' @rdname rct_vecchia
#' @export
rct_solve <- function(model, y) {
  n <- describe_model(model)$n
  .Call(C_solve, model$pointer, as_observations(y, n))
}

#' @rdname rct_vecchia
#' @export
predict.rct_vecchia <- function(object, newdata, y, ...) {
  n <- describe_model(object)$n
  .Call(C_predict, object$pointer, as_points(newdata, "newdata"),
        as_observations(y, n), object$threads)
}

#' @rdname rct_vecchia
#' @export
print.rct_vecchia <- function(x, ...) {
  about <- describe_model(x)
  cat("Vecchia model of ", about$n, " points with ", about$d, " coordinates\n",
      "  neighbors: ", about$k, "\n",
      "  noise:     ", format(x$noise), "\n", sep = "")
  invisible(x)
}
