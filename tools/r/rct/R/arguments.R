# Arguments, as the C code wants them. What is wrong is said here where it has a
# row number, because the library counts rows from 0.

refuse <- function(...) stop(..., call. = FALSE)

# Returns points as a matrix of finite doubles. `name` is the argument's.
as_points <- function(points, name) {
  if (is.data.frame(points)) {
    other <- !vapply(points, is.numeric, NA)
    if (any(other)) {
      refuse("`", name, "` has a column that is not numeric: ",
             names(points)[other][1], ". Leave it out, or make numbers of it.")
    }
    points <- as.matrix(points)
  }
  if (is.numeric(points) && is.null(dim(points))) {
    refuse("`", name, "` is a vector and must be a matrix with a point in each ",
           "row: matrix(x, ncol = 1) for points of one coordinate, ",
           "matrix(x, nrow = 1) for one point.")
  }
  if (!is.numeric(points) || length(dim(points)) != 2) {
    refuse("`", name, "` must be a numeric matrix or data frame with a point in ",
           "each row, and is of class ", class(points)[1], ".")
  }
  storage.mode(points) <- "double"
  wrong <- which(!is.finite(points))
  if (length(wrong)) {
    row <- (wrong - 1) %% nrow(points) + 1
    first <- wrong[order(row, wrong)][1]
    refuse("`", name, "` has ", format(points[first]), " in row ",
           (first - 1) %% nrow(points) + 1, ", column ",
           (first - 1) %/% nrow(points) + 1,
           ": all coordinates must be finite. Leave such rows out.")
  }
  points
}

as_number <- function(x, name) {
  if (!is.numeric(x) || length(x) != 1 || is.na(x)) {
    refuse("`", name, "` must be one number.")
  }
  as.double(x)
}

as_numbers <- function(x, name) {
  if (!is.numeric(x) || anyNA(x)) {
    refuse("`", name, "` must be numbers, without NA.")
  }
  as.double(x)
}

as_whole <- function(x, name, least, most = .Machine$integer.max) {
  if (!is.numeric(x) || length(x) != 1 || is.na(x) || x != round(x) ||
      x < least || x > most) {
    refuse("`", name, "` must be one whole number from ", least, " to ",
           format(most, scientific = FALSE), ".")
  }
  as.double(x)
}

as_count <- function(x, name, least) as.integer(as_whole(x, name, least))

as_flag <- function(x, name) {
  if (!is.logical(x) || length(x) != 1 || is.na(x)) {
    refuse("`", name, "` must be TRUE or FALSE.")
  }
  x
}

as_word <- function(x, name) {
  if (!is.character(x) || length(x) != 1 || is.na(x)) {
    refuse("`", name, "` must be one string.")
  }
  x
}

as_seed <- function(x) as_whole(x, "seed", 0, 2^53)

as_threads <- function(x) as.integer(as_whole(x, "threads", 0, 4096))

as_limit <- function(x) as_whole(x, "memory_limit_bytes", 0, 2^53)

as_path <- function(x) path.expand(as_word(x, "path"))

# Returns row numbers from 1 to n as integers.
as_rows <- function(rows, n, name) {
  if (!is.numeric(rows)) refuse("`", name, "` must be row numbers.")
  wrong <- which(is.na(rows) | rows != round(rows) | rows < 1 | rows > n)
  if (length(wrong)) {
    refuse("`", name, "` has ", format(rows[wrong[1]]), " in position ",
           wrong[1], " and must have row numbers from 1 to ", n, ".")
  }
  as.integer(rows)
}

# Returns an order of n rows, or no elements for NULL.
as_order <- function(order, n) {
  if (is.null(order)) return(integer())
  order <- as_rows(order, n, "order")
  if (length(order) != n) {
    refuse("`order` has ", length(order), " rows and must have all ", n, ".")
  }
  if (anyDuplicated(order)) {
    refuse("`order` has row ", order[anyDuplicated(order)],
           " more than once, in position ", anyDuplicated(order),
           " again. It must have each row once.")
  }
  order
}

# Returns observations, one for each of n rows.
as_observations <- function(y, n) {
  if (!is.numeric(y)) refuse("`y` must be numbers.")
  if (length(y) != n) {
    refuse("`y` has ", length(y), " numbers and must have one for each of the ",
           n, " rows of the model.")
  }
  y <- as.double(y)
  if (!all(is.finite(y))) {
    first <- which(!is.finite(y))[1]
    refuse("`y` has ", format(y[first]), " in position ", first,
           ": make the index of the rows that have an observation.")
  }
  y
}

require_queries <- function(rows, points) {
  if (is.null(rows) == is.null(points)) {
    refuse("Give either `rows`, row numbers of the index, or `points`, new ",
           "points.")
  }
}

as_filter <- function(predecessor, exclude_self, radius, allowed, n) {
  if (!is.null(allowed) &&
      (!is.logical(allowed) || length(allowed) != n || anyNA(allowed))) {
    refuse("`allowed` must have TRUE or FALSE for each of the ", n, " rows.")
  }
  filter <- list(
    predecessor = as_flag(predecessor, "predecessor"),
    exclude_self = as_flag(exclude_self, "exclude_self"),
    radius = as_number(radius, "radius"))
  if (n > 0) filter$allowed <- allowed
  filter
}

pointer_of <- function(x, class, name) {
  if (!inherits(x, class)) {
    refuse("`", name, "` must be an object of class ", class, ", as ", class,
           "() makes it, and is of class ", class(x)[1], ".")
  }
  x$pointer
}

describe <- function(index) {
  .Call(C_describe, pointer_of(index, "rct_index", "index"))
}
