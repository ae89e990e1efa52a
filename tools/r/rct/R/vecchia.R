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

rct_log_likelihood <- function(model, y) {
  n <- describe_model(model)$n
  .Call(C_log_likelihood, model$pointer, as_observations(y, n))
}

rct_solve <- function(model, y) {
  n <- describe_model(model)$n
  .Call(C_solve, model$pointer, as_observations(y, n))
}

predict.rct_vecchia <- function(object, newdata, y, ...) {
  n <- describe_model(object)$n
  .Call(C_predict, object$pointer, as_points(newdata, "newdata"),
        as_observations(y, n), object$threads)
}

print.rct_vecchia <- function(x, ...) {
  about <- describe_model(x)
  cat("Vecchia model of ", about$n, " points with ", about$d, " coordinates\n",
      "  neighbors: ", about$k, "\n",
      "  noise:     ", format(x$noise), "\n", sep = "")
  invisible(x)
}
