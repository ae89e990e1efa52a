# Ctrl-C ends a call, and what there was still works.

library(rct)
set.seed(3)
points <- matrix(rnorm(8 * 40000), ncol = 8)
index <- rct_index(points, "correlation", kernel = "rbf", lengthscale = 2,
                   strategy = "exhaustive")
before <- rct_neighbors(index, 5, rows = 1:10)

interrupt_in <- function(seconds) {
  system(sprintf("(sleep %g; kill -INT %d) >/dev/null 2>&1 &", seconds, Sys.getpid()))
}

answer <- tryCatch({
  interrupt_in(0.5)
  rct_graph(index, 5, threads = 1)
  "finished"
}, interrupt = function(condition) "interrupted")
expect_identical(answer, "interrupted")

# There is none left over, and the index is as it was.
expect_silent(for (i in 1:100) Sys.sleep(0.001))
expect_identical(rct_neighbors(index, 5, rows = 1:10), before)
