# From places to conditioning sets, a fitted model and a map: docs/vignette_r.md

library(rct)
data(meuse, meuse.grid, package = "sp")

# The places in maximin order, and the sets of their 10 nearest earlier ones, in what
# the first 20 leave.
meuse <- meuse[rct_order(meuse[, c("x", "y")]), ]
places <- meuse[, c("x", "y")]
index <- rct_index(places, kernel = "matern32", lengthscale = 300, inducing = 1:20)
NNarray <- rct_nn_array(index, m = 10)
print(NNarray[c(1:4, 129), ])

# Zinc falls with the distance from the river; the process is what is left then.
trend <- lm(log(zinc) ~ sqrt(dist), meuse)
y <- resid(trend)
model <- function(logs) {
  p <- exp(logs)
  changed <- rct_rebuild(index, kernel = "matern32", lengthscale = p[1],
                         variance = p[2], inducing = 1:20)
  rct_vecchia(changed, k = 10, noise = p[3])
}
fit <- optim(log(c(300, 0.1, 0.1)), function(logs) -rct_log_likelihood(model(logs), y))
cat(sprintf("lengthscale %.0f m, variance %.3f, noise %.3f\n",
            exp(fit$par[1]), exp(fit$par[2]), exp(fit$par[3])))
cat(sprintf("log-likelihood %.2f, without a process %.2f\n",
            -fit$value, sum(dnorm(y, sd = sd(y), log = TRUE))))

# The map: medians of zinc in cells of 40 m.
found <- predict(model(fit$par), meuse.grid[, c("x", "y")], y)
zinc <- exp(predict(trend, meuse.grid) + found$mean)

layout(t(1:2), widths = c(4, 5))
par(mar = c(3, 3, 2, 1), mgp = c(1.8, 0.6, 0))
plot(places, asp = 1, pch = 20, col = "grey60", main = "Conditioning sets",
     xlab = "east, m", ylab = "north, m")
points(places[1:20, ], pch = 3)
for (i in c(104, 105, 129)) {
  set <- NNarray[i, -1]
  segments(places$x[i], places$y[i], places$x[set], places$y[set], col = "firebrick")
  points(places[i, ], pch = 19, col = "firebrick")
}
east <- sort(unique(meuse.grid$x))
north <- sort(unique(meuse.grid$y))
cells <- matrix(NA, length(east), length(north))
cells[cbind(match(meuse.grid$x, east), match(meuse.grid$y, north))] <- zinc
breaks <- c(0, 125, 250, 500, 1000, 2000)
colors <- hcl.colors(5, "YlOrBr", rev = TRUE)
image(east, north, cells, asp = 1, breaks = breaks, col = colors, xlab = "east, m",
      ylab = "north, m", main = "Zinc in the topsoil, ppm")
points(places, pch = 20, cex = 0.4)
legend("topleft", paste(breaks[-6], "to", breaks[-1]), fill = colors, bty = "n")
