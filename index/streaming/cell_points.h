// The points of cells, where some cells may be elsewhere.
//
// How many points each cell has and its least row are known of all cells; rows
// and coordinates only of those that are *here*: all of them in a streamed
// search of one process, own and fetched ones where processes share the cells.
// Whoever searches (unit_search.h) asks for nothing else.

#ifndef RCT_INDEX_STREAMING_CELL_POINTS_H_
#define RCT_INDEX_STREAMING_CELL_POINTS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "index/streaming/cells.h"

namespace rct {

// The points of one cell: point i is row rows[i] of all points, ascending, and
// its coordinates are row places[i] of `from`.
struct CellView {
  absl::Span<const int32_t> rows;
  MatrixView<const double> from;
  absl::Span<const int32_t> places;

  int64_t size() const { return static_cast<int64_t>(rows.size()); }
  const double* point(int64_t i) const { return from.row(places[i]); }
  // Returns the coordinates of points [first, first + count).
  Matrix<double> Coordinates(int64_t first, int64_t count) const {
    return GatherPoints(from, places.subspan(first, count));
  }
  Matrix<double> Coordinates() const { return Coordinates(0, size()); }
};

// Calls that change the object must not overlap with others.
class CellPoints {
 public:
  // All cells of `cells` are here. Both must outlive the object.
  CellPoints(MatrixView<const double> points, const Cells& cells);

  // No cell is here. Each has at least one point, the least of which is the
  // given row.
  CellPoints(std::vector<int64_t> counts, std::vector<int32_t> first_rows);

  // Views point into the object itself, whose memory a move keeps.
  CellPoints(CellPoints&&) = default;
  CellPoints& operator=(CellPoints&&) = default;

  int size() const { return static_cast<int>(counts_.size()); }
  int64_t count(int cell) const { return counts_[cell]; }
  int32_t first_row(int cell) const { return first_rows_[cell]; }

  bool here(int cell) const { return !views_[cell].rows.empty(); }
  // Returns the points of a cell that is here.
  const CellView& operator[](int cell) const;

  // Puts the points of a cell here: point i is row rows[i], ascending, with the
  // coordinates of row i of `points`. Both must stay until the cell is dropped.
  void Put(int cell, absl::Span<const int32_t> rows,
           MatrixView<const double> points);
  void Drop(int cell) { views_[cell] = {}; }

 private:
  std::vector<int64_t> counts_;
  std::vector<int32_t> first_rows_;
  std::vector<CellView> views_;    // without rows where a cell is not here
  std::vector<int32_t> in_order_;  // 0, 1, ...
};

// Points that are found by their row.
class RowPoints {
 public:
  // Row i is row i of `points`.
  explicit RowPoints(MatrixView<const double> points) : points_(points) {}
  // Row rows[i] is row i of `points`. Rows ascend.
  RowPoints(absl::Span<const int32_t> rows, MatrixView<const double> points)
      : some_(true), rows_(rows), points_(points) {}

  // Returns the coordinates of a row, which must be there.
  const double* operator[](int32_t row) const;

 private:
  bool some_ = false;
  absl::Span<const int32_t> rows_;
  MatrixView<const double> points_;
};

}  // namespace rct

#endif  // RCT_INDEX_STREAMING_CELL_POINTS_H_
