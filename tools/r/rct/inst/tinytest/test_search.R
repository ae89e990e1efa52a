# Searches, against definitions written anew.

library(rct)
set.seed(1)

distances_to <- function(points, i) {
  sqrt(colSums((t(points) - points[i, ])^2))
}

# What find_ordered_nn of GpGp is defined to return: for each row itself and its m
# nearest earlier rows, by distance.
brute_nn_array <- function(points, m) {
  n <- nrow(points)
  result <- matrix(NA_integer_, n, m + 1)
  result[, 1] <- seq_len(n)
  for (i in seq_len(n)[-1]) {
    d <- distances_to(points[seq_len(i), , drop = FALSE], i)[-i]
    nearest <- order(d)[seq_len(min(m, i - 1))]
    result[i, 1 + seq_along(nearest)] <- nearest
  }
  result
}

# 5,000 points, in maximin order and not.
points <- matrix(runif(10000), 5000)
order <- rct_order(points)
expect_identical(sort(order), 1:5000)
expected <- brute_nn_array(points[order, ], 15)
found <- rct_nn_array(rct_index(points[order, ], "euclidean"), 15)
expect_true(is.integer(found))
expect_identical(found, expected)
expect_identical(rct_nn_array(rct_index(points, "euclidean"), 15, order), expected)
expect_identical(rct_nn_array(rct_index(points, "euclidean"), 15),
                 brute_nn_array(points, 15))

# The array is the graph, with each row before it.
places <- rct_lon_lat(quakes[, c("long", "lat")])
index <- rct_index(places, kernel = "matern32", lengthscale = 300,
                   num_inducing = 50)
graph <- rct_graph(index, 10, predecessor = TRUE)
expect_identical(rct_nn_array(index, 10), cbind(1:1000, graph$neighbors))
expect_identical(dim(graph$distances), c(1000L, 10L))
expect_true(all(is.na(graph$neighbors[1, ])))
expect_true(all(graph$distances[1, ] == Inf))

# Residual distances, from their definition. Inducing points are rows.
inducing <- c(3, 500, 77, 1000, 250)
kernel <- function(a, b) {
  r <- sqrt(pmax(outer(rowSums(a^2), rowSums(b^2), "+") - 2 * a %*% t(b), 0))
  (1 + sqrt(3) * r) * exp(-sqrt(3) * r)
}
few <- matrix(runif(3000), 1000)
scaled <- t(t(few) / c(0.3, 0.5, 0.4))
z <- scaled[inducing, ]
v <- kernel(scaled, z) %*% solve(chol(kernel(z, z) + 1e-6 * diag(5)))
residual <- kernel(scaled, scaled) - v %*% t(v)
p <- diag(residual)
d <- sqrt(pmax(1 - abs(residual) / sqrt(outer(p, p)), 0))
index <- rct_index(few, kernel = "matern32", lengthscale = c(0.3, 0.5, 0.4),
                   inducing = inducing)
rows <- setdiff(seq(1, 1000, 50), inducing)
found <- rct_neighbors(index, 5, rows = rows, exclude_self = TRUE)
diag(d) <- Inf
expect_equal(found$distances, t(apply(d[rows, ], 1, function(x) sort(x)[1:5])),
             tolerance = 1e-7)
expect_equal(d[cbind(rep(rows, 5), c(found$neighbors))], c(found$distances),
             tolerance = 1e-7)

# Inducing points as rows and as places are the same.
other <- rct_index(few, kernel = "matern32", lengthscale = c(0.3, 0.5, 0.4),
                   inducing = few[inducing, ])
expect_identical(rct_graph(other, 5), rct_graph(index, 5))

# Any number of threads and any strategy.
for (strategy in c("block", "best_first", "level_synchronous", "exhaustive")) {
  other <- rct_index(few, kernel = "matern32", lengthscale = c(0.3, 0.5, 0.4),
                     inducing = inducing, strategy = strategy, threads = 1)
  expect_identical(rct_graph(other, 5, threads = 3), rct_graph(index, 5))
}

# New points, which are rows as well.
found <- rct_neighbors(rct_index(few, "euclidean"), 3, points = few[c(9, 4), ])
expect_identical(found$neighbors[, 1], c(9L, 4L))
expect_identical(found$distances[, 1], c(0, 0))
expect_equal(found$distances[2, ], sort(distances_to(few, 4))[1:3])

# Filters.
allowed <- rep(c(TRUE, FALSE), 500)
found <- rct_graph(rct_index(few, "euclidean"), 4, allowed = allowed)
expect_true(all(found$neighbors %% 2 == 1))
found <- rct_graph(rct_index(few, "euclidean"), 50, radius = 0.1)
expect_true(all(found$distances < 0.1 | found$distances == Inf))
expect_identical(is.na(found$neighbors), found$distances == Inf)

# Few points: none, one, repeated ones, fewer than neighbors.
none <- rct_index(matrix(0, 0, 2), "euclidean")
expect_identical(dim(rct_nn_array(none, 3)), c(0L, 4L))
one <- rct_index(matrix(0, 1, 2), "euclidean")
expect_identical(rct_nn_array(one, 2), matrix(c(1L, NA, NA), 1))
expect_identical(rct_order(matrix(0, 1, 2)), 1L)
same <- rct_index(matrix(7, 3, 1), "euclidean")
expect_identical(rct_nn_array(same, 3),
                 rbind(c(1L, NA, NA, NA), c(2L, 1L, NA, NA), c(3L, 1L, 2L, NA)))
expect_identical(rct_neighbors(one, 2, rows = integer())$neighbors,
                 matrix(0L, 0, 2))

# Integers and data frames are points.
whole <- matrix(1:20, 10)
expect_identical(rct_graph(rct_index(whole, "euclidean"), 2),
                 rct_graph(rct_index(as.data.frame(whole + 0), "euclidean"), 2))

# Files.
file <- tempfile(fileext = ".rct")
rct_save(index, file)
for (map in c(FALSE, TRUE)) {
  expect_identical(rct_graph(rct_load(file, map = map), 5), rct_graph(index, 5))
}
expect_stdout(print(rct_load(file)), "Index of 1000 points with 3 coordinates")
unlink(file)

# Orders.
expect_identical(rct_order(few, "coordinate", column = 2), order(few[, 2]))
expect_identical(rct_order(few, "random", seed = 5), rct_order(few, "random", seed = 5))
expect_identical(sort(rct_order(few, num_first = 10)[1:10]), 1:10)
expect_identical(rct_order(few, "middle_out"),
                 order(colSums((t(few) - colMeans(few))^2)))
