# Takes the folder in which an R package was installed out of the package:
#
#   Rscript without_folder.R PACKAGE FOLDER
#
# R keeps the folder in the database of the package's code (where the namespace is, which
# loading it sets anew) and in that of its help (which file each page came from, which
# is for messages about mistakes in it). So two builds in two folders have other bytes
# without a difference that matters. Here paths in FOLDER become paths in /rct.
#
# A database is a file of records, NAME.rdb: the length of a serialized object (four
# bytes, the highest first), and the object, compressed. NAME.rdx says where each begins
# and how long it is. In a serialized object a string is its length, likewise, and its
# bytes.

arguments <- commandArgs(TRUE)
package <- arguments[1]
folder <- charToRaw(arguments[2])
other <- charToRaw("/rct")

number <- function(bytes) readBin(bytes, "integer", endian = "big")
bytes_of <- function(number) writeBin(as.integer(number), raw(), endian = "big")

# Returns a serialized object with another folder at the beginning of strings.
moved <- function(object) {
  for (at in rev(grepRaw(folder, object, fixed = TRUE, all = TRUE))) {
    before <- object[seq_len(at - 5)]
    length <- number(object[at - 4:1])
    stopifnot(length >= length(folder), at + length - 1 <= length(object))
    rest <- object[-seq_len(at + length(folder) - 1)]
    length <- length - length(folder) + length(other)
    object <- c(before, bytes_of(length), other, rest)
  }
  object
}

move_database <- function(name) {
  index <- readRDS(paste0(name, ".rdx"))
  stopifnot(isTRUE(index$compressed))
  file <- paste0(name, ".rdb")
  records <- readBin(file, "raw", file.size(file))
  moved_records <- raw()
  for (kind in c("variables", "references")) {
    for (i in names(index[[kind]])) {
      at <- index[[kind]][[i]]
      record <- records[at[1] + seq_len(at[2])]
      object <- moved(memDecompress(record[-(1:4)], "gzip"))
      record <- c(bytes_of(length(object)), memCompress(object, "gzip"))
      index[[kind]][[i]] <- c(length(moved_records), length(record))
      moved_records <- c(moved_records, record)
    }
  }
  writeBin(moved_records, file)
  saveRDS(index, paste0(name, ".rdx"))
}

move_database(file.path(package, "R", "rct"))
move_database(file.path(package, "help", "rct"))

# The attribute is where a path, without the folder of all pages, begins.
file <- file.path(package, "help", "paths.rds")
paths <- readRDS(file)
first <- attr(paths, "first") - length(folder) + length(other)
paths <- sub(arguments[2], rawToChar(other), paths, fixed = TRUE)
saveRDS(structure(paths, first = first), file)
