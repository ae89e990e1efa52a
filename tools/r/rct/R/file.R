#' Keep an index in a file
#'
#' Write an index to a file, and read one that R, the command line, or a program in
#' another language wrote.
#'
#' A file is written whole or not at all, and checked in full when it is read.
#'
#' @param index an index, as [rct_index()] makes it.
#' @param path the file.
#' @param map whether the arrays stay in the file and are read as they are needed.
#'   Then nobody may write to the file while the index is in use.
#' @param memory_limit_bytes the most bytes that the index may keep, as for
#'   [rct_index()]. Arrays that stay in the file do not count.
#' @param threads the number of threads; 0 for one for each processor.
#' @return `rct_save()` returns the path, invisibly; `rct_load()` an object of class
#'   `rct_index`.
#' @examples
#' file <- tempfile(fileext = ".rct")
#' index <- rct_index(quakes[, 1:2], "euclidean")
#' rct_save(index, file)
#' same <- rct_load(file)
#' identical(rct_graph(index, 5), rct_graph(same, 5))
#' unlink(file)
#' @export
rct_save <- function(index, path, threads = 0) {
  .Call(C_save, pointer_of(index, "rct_index", "index"), as_path(path),
        as_threads(threads))
  invisible(path)
}

#' @rdname rct_save
#' @export
rct_load <- function(path, map = FALSE, memory_limit_bytes = 0, threads = 0) {
  new_index(.Call(C_load, as_path(path), as_flag(map, "map"),
                  as_limit(memory_limit_bytes), as_threads(threads)))
}
