#' Exact nearest neighbors for Gaussian processes
#'
#' For each of many points, the package finds the points that are most correlated
#' with it under a Gaussian process, after what a low-rank part (inducing points)
#' explains has been taken out, among all points or among earlier ones only.
#' Answers are exact, and the same for any number of threads.
#'
#' [rct_index()] makes an index over points; [rct_neighbors()], [rct_range()] and
#' [rct_graph()] ask it for neighbors, and [rct_nn_array()] for conditioning sets in
#' the form that the packages GpGp and GPvecchia use. [rct_order()] orders points,
#' and [rct_vecchia()] makes a Vecchia model, with log-likelihoods and predictions.
#'
#' Row numbers begin at 1. Points are numeric matrices or data frames with a point
#' in each row. Ctrl-C ends a call that searches, builds, orders, saves, loads or
#' predicts, and leaves everything as it was. An error has the text of the
#' library's message, and so has a warning, which is given where an answer is right
#' and probably not what was meant.
#'
#' @return `rct_version()` returns the version of the library, a string.
#' @examples
#' # 1,000 earthquakes near Fiji, in kilometres.
#' places <- rct_lon_lat(quakes[, c("long", "lat")])
#' order <- rct_order(places)
#' ordered <- places[order, ]
#' index <- rct_index(ordered, kernel = "matern32", lengthscale = 300,
#'                    num_inducing = 50)
#' NNarray <- rct_nn_array(index, m = 10)
#' NNarray[1:12, ]
#' @name rct-package
#' @aliases rct
#' @docType package
#' @keywords package
#' @useDynLib rct, .registration = TRUE, .fixes = "C_"
#' @importFrom stats predict
NULL

#' @rdname rct-package
#' @export
rct_version <- function() .Call(C_version)
