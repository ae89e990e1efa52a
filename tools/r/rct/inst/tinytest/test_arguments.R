# What is refused, and with which words.

library(rct)
points <- as.matrix(quakes[, 1:2])
index <- rct_index(points, "euclidean")

# Points.
expect_error(rct_index(1:10), "`points` is a vector.*matrix\\(x, ncol = 1\\)")
expect_error(rct_index("a"), "numeric matrix or data frame.*class character")
expect_error(rct_index(iris), "column that is not numeric: Species")
expect_error(rct_index(array(0, c(2, 2, 2))), "numeric matrix")
for (bad in list(NA, NaN, Inf, -Inf)) {
  wrong <- points
  wrong[7, 2] <- bad
  wrong[900, 1] <- bad
  expect_error(rct_index(wrong, "euclidean"),
               paste0("`points` has ", format(bad), " in row 7, column 2"))
}
expect_error(rct_index(matrix(c(1L, NA), 2), "euclidean"), "NA in row 2, column 1")
expect_error(rct_neighbors(index, 3, points = cbind(1, NA)), "`points` has NA in row 1")
expect_error(rct_neighbors(index, 3, points = cbind(1, 2, 3)), "2")

# Options: the library's own words.
expect_error(rct_index(points, "manhattan"), "manhattan")
expect_error(rct_index(points, kernel = "matern72", num_inducing = 9), "matern52")
expect_error(rct_index(points, num_inducing = 9), "`kernel` is not given: choose \"rbf\"")
expect_error(rct_index(points, kernel = "rbf"), "give `num_inducing`, or .*correlation")
expect_error(rct_index(points, "correlation", kernel = "rbf", num_inducing = 9),
             "`inducing` is of no use under the metric \"correlation\"")
expect_error(rct_index(points, "correlation", kernel = "rbf", jitter = 1), "`jitter` is of no")
expect_error(rct_index(points, "euclidean", kernel = "rbf"), "`kernel` is of no use")
expect_error(rct_index(points, "euclidean", variance = 2), "`variance` is of no use")
expect_error(rct_index(points, kernel = "rbf", lengthscale = -1, num_inducing = 9),
             "lengthscale")
expect_error(rct_index(points, kernel = "rbf", lengthscale = NA_real_), "`lengthscale`")
expect_error(rct_index(points, kernel = "rbf", num_inducing = 1e6), "1000")
expect_error(rct_index(points, kernel = "rbf", inducing = "random"), "give `num_inducing`")
expect_error(rct_index(points, kernel = "rbf", inducing = 1:3, num_inducing = 3),
             "Leave it out")
expect_error(rct_index(points, kernel = "rbf", inducing = c(1, 5, 1)),
             "row 1 more than once")
expect_error(rct_index(points, kernel = "rbf", inducing = 0), "from 1 to 1000")
expect_error(rct_index(points, kernel = "rbf", num_inducing = 9, seed = 0.5), "`seed`")
expect_error(rct_index(points, "euclidean", threads = -1), "`threads`")
expect_error(rct_index(points, c("euclidean", "residual")), "`metric` must be one string")

# Searches.
expect_error(rct_neighbors(index, 3), "either `rows`.*or `points`")
expect_error(rct_neighbors(index, 3, rows = 0), "`rows` has 0 in position 1.*1 to 1000")
expect_error(rct_neighbors(index, 3, rows = c(1, 1001)), "1001 in position 2")
expect_error(rct_neighbors(index, 3, rows = 1.5), "1.5 in position 1")
expect_error(rct_neighbors(index, 3, rows = NA), "row numbers")
expect_error(rct_neighbors(index, 0, rows = 1), "`k`")
expect_error(rct_neighbors(index, 3, points = points[1:2, ], predecessor = TRUE),
             "predecessor")
expect_error(rct_graph(index, 3, radius = NaN), "`radius`")
expect_error(rct_graph(index, 3, allowed = TRUE), "each of the 1000 rows")
expect_error(rct_graph(index, 3, order = 1:5), "`order` has 5 rows")
expect_error(rct_graph(index, 3, order = c(1, 1:999)), "row 1 more than once, in position 2")
expect_error(rct_graph(list(), 3), "class rct_index.*class list")
expect_error(rct_order(points, "sorted"), "maxmin")
expect_error(rct_order(points, "coordinate", column = 3), "`column`")

# Files.
expect_error(rct_load(file.path(tempdir(), "none.rct")), "none.rct")
file <- tempfile()
writeLines("no index", file)
expect_error(rct_load(file), basename(file))
expect_error(rct_save(index, file.path(tempdir(), "no", "folder.rct")), "folder")

# Errors and warnings have the name of no internal function.
for (refused in expression(rct_index(points, kernel = "rbf"),
                           rct_index(1:10),
                           rct_load(file.path(tempdir(), "none.rct")))) {
  error <- tryCatch(eval(refused), error = identity)
  expect_null(conditionCall(error))
}

# Warnings: a lengthscale in another unit, with which nothing is related.
expect_warning(
  rct_graph(rct_index(points, "correlation", kernel = "rbf", lengthscale = 1e-5), 3))
warning <- tryCatch(
  rct_graph(rct_index(points, "correlation", kernel = "rbf", lengthscale = 1e-5), 3),
  warning = identity)
expect_null(conditionCall(warning))

# An index or a model of another session.
model <- rct_vecchia(rct_index(points, "correlation", kernel = "matern12"), 3, 0.1)
file <- tempfile()
save(index, model, file = file)
load(file)
expect_error(rct_graph(index, 3), "another R session.*rct_save")
expect_error(print(index), "another R session")
expect_error(rct_log_likelihood(model, quakes$mag), "another R session")
