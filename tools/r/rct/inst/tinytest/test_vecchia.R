# Models, against dense matrices: with all earlier rows the approximation is exact.

library(rct)
set.seed(2)
n <- 120
points <- matrix(runif(2 * n), n)
y <- rnorm(n)
new <- matrix(runif(10), 5)
noise <- 0.2
variance <- 1.7
kernel <- function(a, b) {
  r <- sqrt(pmax(outer(rowSums(a^2), rowSums(b^2), "+") - 2 * a %*% t(b), 0)) / 0.3
  variance * (1 + sqrt(5) * r + 5 / 3 * r^2) * exp(-sqrt(5) * r)
}
covariance <- kernel(points, points) + noise * diag(n)
root <- chol(covariance)
likelihood <- -sum(log(diag(root))) - n / 2 * log(2 * pi) -
  sum(backsolve(root, y, transpose = TRUE)^2) / 2
index <- rct_index(points, "correlation", kernel = "matern52", lengthscale = 0.3,
                   variance = variance)
for (order in list(NULL, rct_order(points))) {
  model <- rct_vecchia(index, n, noise, order)
  expect_equal(rct_log_likelihood(model, y), likelihood, tolerance = 1e-6)
  expect_equal(rct_solve(model, y), solve(covariance, y), tolerance = 1e-6)
  predicted <- predict(model, new, y)
  cross <- kernel(new, points)
  expect_equal(predicted$mean, c(cross %*% solve(covariance, y)), tolerance = 1e-5)
  expect_equal(predicted$variance,
               variance - rowSums(cross * t(solve(covariance, t(cross)))),
               tolerance = 1e-5)
}

# The model outlives its index.
rm(index)
invisible(gc())
expect_equal(rct_log_likelihood(model, y), likelihood, tolerance = 1e-6)
expect_stdout(print(model), "Vecchia model of 120 points")

# Refusals.
expect_error(rct_log_likelihood(model, y[-1]), "`y` has 119 numbers")
expect_error(rct_log_likelihood(model, replace(y, 5, NA)), "`y` has NA in position 5")
expect_error(rct_log_likelihood(model, letters), "`y` must be numbers")
expect_error(predict(model, cbind(new, 1), y), "2")
expect_error(rct_vecchia(rct_index(points, "euclidean"), 3, 0.1), "euclidean")
expect_error(rct_vecchia(model, 3, 0.1), "class rct_index")
index <- rct_index(points, "correlation", kernel = "rbf")
expect_error(rct_vecchia(index, 3, -1), "noise")
expect_error(rct_vecchia(index, -1, 1), "`k`")
