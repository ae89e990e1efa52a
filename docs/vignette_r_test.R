# The vignette for R shows the program that is a demo of the package, what it prints, and
# figures that are made again here.

arguments <- commandArgs(TRUE)
page <- readLines(arguments[1])

shows <- function(lines) {
  text <- paste0("\n", paste(page, collapse = "\n"), "\n")
  wanted <- paste0("\n", paste(lines, collapse = "\n"), "\n")
  if (!grepl(wanted, text, fixed = TRUE)) {
    stop("docs/vignette_r.md does not show\n", wanted, call. = FALSE)
  }
}

# The program, as it is installed, its output and its picture.
stopifnot("meuse" %in% demo(package = "rct")$results[, "Item"])
program <- readLines(system.file("demo", "meuse.R", package = "rct"))
shows(c("```r", program[-seq_len(which(program == "library(rct)") - 1)], "```"))
png(arguments[2], 1000, 560, type = "cairo", res = 110)
printed <- capture.output(demo("meuse", package = "rct", echo = FALSE, ask = FALSE))
invisible(dev.off())
shows(c("```", printed, "```"))
stopifnot(file.size(arguments[2]) > 30000)

# The exact model, from its matrix.
p <- exp(fit$par)
a <- sqrt(3) * as.matrix(dist(places)) / p[1]
root <- chol(p[2] * (1 + a) * exp(-a) + p[3] * diag(155))
exact <- -sum(log(diag(root))) - 155 / 2 * log(2 * pi) -
  sum(backsolve(root, y, transpose = TRUE)^2) / 2
shows(c("The exact model of 155 samples is a matter of a moment. Its log-likelihood under the",
        sprintf("parameters found is %.2f; the approximation's is", exact)))
fitted_index <- function(places) {
  rct_index(places, kernel = "matern32", lengthscale = p[1], variance = p[2],
            inducing = 1:20)
}
chosen <- fitted_index(places)
k <- c(2, 5, 10, 20, 154)
found <- sapply(k, function(k) rct_log_likelihood(rct_vecchia(chosen, k, p[3]), y))
shows(paste("| k |", paste(k, collapse = " | "), "|"))
shows(paste("| log-likelihood |", paste(sprintf("%.2f", found), collapse = " | "), "|"))
stopifnot(abs(found[5] - exact) < 1e-4)

# Samples that a model has not seen.
folds <- lapply(0:9, function(fold) {
  out <- seq_len(155) %% 10 == fold
  line <- lm(log(zinc) ~ sqrt(dist), meuse[!out, ])
  left <- log(meuse$zinc[out]) - predict(line, meuse[out, ])
  model <- rct_vecchia(fitted_index(places[!out, ]), 10, p[3])
  predicted <- predict(model, places[out, ], resid(line))
  data.frame(line = left, process = left - predicted$mean,
             sd = sqrt(predicted$variance + p[3]))
})
misses <- do.call(rbind, folds)
shows(c(
  "A tenth of the samples left out in turn, and predicted from the others: the logarithm of",
  sprintf("zinc misses by %.3f on average (root mean square), the line alone by %.3f. Of the intervals",
          sqrt(mean(misses$process^2)), sqrt(mean(misses$line^2))),
  sprintf("mean ± 1.96 standard deviations, noise included, %.1f %% hold the sample's logarithm.",
          100 * mean(abs(misses$process) < 1.96 * misses$sd))))
