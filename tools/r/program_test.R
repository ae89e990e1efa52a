# The graph of R is the graph of the command line: RCT_PROGRAM, which reads the
# stations of RCT_STATIONS.

library(rct)
library(tinytest)

program <- Sys.getenv("RCT_PROGRAM")
stations <- read.csv(Sys.getenv("RCT_STATIONS"))
folder <- tempfile()
dir.create(folder)
graph_file <- file.path(folder, "graph.csv")
index_file <- file.path(folder, "index.rct")
order_file <- file.path(folder, "order.csv")

run <- function(...) {
  status <- system2(program, c(...))
  if (status != 0) stop("rct ended with ", status)
}

run("graph", paste0("--points=", Sys.getenv("RCT_STATIONS")), "--columns=lon,lat",
    "--lonlat", "--kernel=matern32", "--lengthscale=300", "--num_inducing=60",
    "--seed=4", "--k=12", "--predecessor", "--order=maxmin",
    paste0("--out_order=", order_file), paste0("--out_indices=", graph_file))

# Its row numbers begin at 0, and -1 is none.
read_graph <- function() {
  graph <- unname(as.matrix(read.csv(graph_file))) + 1L
  graph[graph == 0L] <- NA
  graph
}
expected <- read_graph()

places <- rct_lon_lat(stations[, c("lon", "lat")])
index <- rct_index(places, kernel = "matern32", lengthscale = 300,
                   num_inducing = 60, seed = 4)
order <- rct_order(places, lengthscale = 300)  # As the command line does.
expect_identical(order, read.csv(order_file)[, 1] + 1L)
graph <- rct_graph(index, 12, predecessor = TRUE, order = order)$neighbors
expect_identical(graph, expected)

# The NNarray says the same of positions in the order.
array <- rct_nn_array(index, 12, order)
expect_identical(matrix(order[array[, -1]], nrow(array)), graph[order, ])
expect_identical(array[, 1], seq_along(order))

# An index in a file of R's is one of the command line's.
rct_save(index, index_file)
run("graph", paste0("--index=", index_file), "--k=12", "--predecessor",
    paste0("--order=", order_file), paste0("--out_indices=", graph_file))
expect_identical(read_graph(), expected)

# The package is of the same version.
expect_identical(as.character(packageVersion("rct")), rct_version())
expect_true(any(grepl(rct_version(), system2(program, "--version", stdout = TRUE),
                      fixed = TRUE)))
