# Searches within a radius, and indexes made of others.

library(rct)
set.seed(4)
points <- matrix(runif(1200), 400)
more <- matrix(runif(30), 10)
everything <- rbind(points, more)
distances <- as.matrix(dist(points))

# Within a radius, from the definition: strictly nearer, by distance.
index <- rct_index(points, "euclidean")
expected <- function(row, radius, exclude_self) {
  near <- which(distances[row, ] < radius)
  if (exclude_self) near <- setdiff(near, row)
  unname(near[order(distances[row, near])])
}
for (radius in c(0, 0.05, 0.2, 5, Inf)) {
  for (exclude_self in c(TRUE, FALSE)) {
    found <- rct_range(index, radius, rows = c(7, 1, 400), exclude_self = exclude_self)
    expect_identical(found$neighbors, lapply(c(7, 1, 400), expected, radius, exclude_self))
    expect_equal(found$distances[[2]], unname(distances[1, found$neighbors[[2]]]))
  }
}
found <- rct_range(index, 0.3, points = more)
to_more <- as.matrix(dist(everything))[401:410, 1:400]
expect_equal(lengths(found$neighbors), unname(rowSums(to_more < 0.3)))
expect_identical(rct_range(index, 0.2, rows = 1, predecessor = TRUE)$neighbors, list(integer()))
allowed <- rep(c(TRUE, FALSE), 200)
found <- rct_range(index, 0.3, rows = 1:400, allowed = allowed, threads = 3)
expect_true(all(unlist(found$neighbors) %% 2 == 1))
expect_identical(rct_range(index, 0.2, rows = integer()),
                 list(neighbors = list(), distances = list()))

# The lists are the beginnings of searches for many neighbors.
residual <- rct_index(points, kernel = "matern32", lengthscale = 0.4, num_inducing = 20)
all_neighbors <- rct_neighbors(residual, 400, rows = 1:50)
found <- rct_range(residual, 0.7, rows = 1:50)
for (i in 1:50) {
  near <- all_neighbors$distances[i, ] < 0.7
  expect_identical(found$neighbors[[i]], all_neighbors$neighbors[i, near])
  expect_identical(found$distances[[i]], all_neighbors$distances[i, near])
}
expect_error(rct_range(index, 1), "either `rows`.*or `points`")
expect_error(rct_range(index, NaN, rows = 1), "`radius` must be one number")
expect_error(rct_range(index, -1, rows = 1, points = more), "either")
expect_error(rct_range(index, 1, rows = 401), "from 1 to 400")
expect_error(rct_range(index, 1, points = more, predecessor = TRUE), "predecessor")

# More points: earlier rows keep their sets, and the whole is what a build of all with
# the same inducing points is.
inducing <- points[1:20, ]
before <- rct_index(points, kernel = "rbf", lengthscale = 0.4, inducing = inducing)
longer <- rct_append(before, more)
whole <- rct_index(everything, kernel = "rbf", lengthscale = 0.4, inducing = inducing)
expect_identical(rct_nn_array(longer, 8), rct_nn_array(whole, 8))
expect_identical(rct_nn_array(longer, 8)[1:400, ], rct_nn_array(before, 8))
expect_identical(rct_graph(rct_append(index, more), 5),
                 rct_graph(rct_index(everything, "euclidean"), 5))
expect_error(rct_append(index, more[, 1:2]), "2")
expect_error(rct_append(index, replace(more, 13, NaN)), "`points` has NaN in row 3, column 2")
expect_error(rct_append(more, index), "class rct_index")

# Other options over the same points.
rebuilt <- rct_rebuild(before, kernel = "matern52", lengthscale = 0.2, variance = 3,
                       inducing = c(5, 9, 200))
anew <- rct_index(points, kernel = "matern52", lengthscale = 0.2, variance = 3,
                  inducing = c(5, 9, 200))
expect_identical(rct_graph(rebuilt, 6), rct_graph(anew, 6))
y <- rnorm(400)
expect_identical(rct_log_likelihood(rct_vecchia(rebuilt, 6, 0.1), y),
                 rct_log_likelihood(rct_vecchia(anew, 6, 0.1), y))
expect_stdout(print(rct_rebuild(before, "correlation", kernel = "rbf")), "correlation")
expect_error(rct_rebuild(before, kernel = "rbf"), "inducing")
expect_error(rct_rebuild(before, kernel = "rbf", inducing = 401), "from 1 to 400")
expect_error(rct_rebuild(before, "euclidean"), "use rct_index\\(\\) to or from")
expect_error(rct_rebuild(index, kernel = "rbf", num_inducing = 5), "use rct_index")

# A memory limit, which what is made of an index keeps.
expect_error(rct_index(points, "euclidean", memory_limit_bytes = 1000),
             "memory_limit_bytes: an index of 400 points takes .*raise the limit")
limited <- rct_index(points, kernel = "rbf", lengthscale = 0.4, inducing = inducing,
                     memory_limit_bytes = 2^20)
expect_identical(rct_graph(limited, 5), rct_graph(before, 5))
expect_error(rct_append(limited, matrix(runif(60000), 20000)), "20400 points")
expect_error(rct_index(points, "euclidean", memory_limit_bytes = -1), "`memory_limit_bytes`")
file <- tempfile(fileext = ".rct")
rct_save(limited, file)
expect_error(rct_load(file, memory_limit_bytes = 1000), "takes .*raise the limit, or map")
expect_identical(rct_graph(rct_load(file, map = TRUE, memory_limit_bytes = 1000), 5),
                 rct_graph(before, 5))
unlink(file)
