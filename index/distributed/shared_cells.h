// Cells that ranks share: each point travels once, to the owner of its cell.
//
// Splits follow from a sample of the points, which all ranks gather: a random
// one, for a strided sample of a grid that is stored by rows may be a single
// column of it. Cells are the median splits of the sample, and a point belongs
// to the cell on whose side of every split (coordinate, row) it lies: a pure
// function of the points and of the number of cells, and points that are all
// equal are split as well as others. Every cell has a point, one of the sample.
// Each rank owns a run of cells, whole groups (stream_plan.h), so that all have
// about as much to do (cell_shares.h).
//
// Cost: log(cells) comparisons and 8 d + 4 bytes to send for each point, and
// kSampleOfCell (8 d + 4) bytes for each cell to every rank.

#ifndef RCT_INDEX_DISTRIBUTED_SHARED_CELLS_H_
#define RCT_INDEX_DISTRIBUTED_SHARED_CELLS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "index/distributed/rank_exchange.h"
#include "index/distributed/slices.h"
#include "index/streaming/cell_points.h"
#include "metric/residual_factors.h"

namespace rct {

// Points of the sample for each cell: the numbers of points in cells differ by
// a sixteenth, as a standard deviation, and those of a rank by less.
inline constexpr int64_t kSampleOfCell = 256;

// Returns the sample of n rows, without those of `excluded`, ascending, that
// the splits of `cells` cells follow from.
std::vector<int32_t> CellSampleRows(int64_t n,
                                    absl::Span<const int64_t> excluded,
                                    int64_t cells);

// The splits of cells.
class CellTree {
 public:
  // Makes `count` cells, a power of two and no more than half of the points, or
  // 1. Point i of `sample` is row rows[i], ascending; coordinates count `scale`
  // times.
  CellTree(MatrixView<const double> sample, absl::Span<const int32_t> rows,
           absl::Span<const double> scale, int64_t count, int threads);

  int CellOf(const double* point, int32_t row) const;

  // Narrows a box of all points, [low, high), to the part of it in a cell.
  void Narrow(int cell, absl::Span<double> low, absl::Span<double> high) const;

 private:
  // Points whose (coordinate, row) is below (value, row) are in the first half.
  struct Split {
    int64_t dimension = 0;
    double value = 0;
    int32_t row = 0;
  };

  int64_t count_;
  std::vector<Split> splits_;  // from 1 on; the halves of i are 2 i and 2 i + 1
};

class SharedCells {
 public:
  // Makes `count` cells, in `groups` groups, of all points but the inducing
  // ones of `factor`, and sends the points to their owners. Without such
  // points, and with a count of 0, there are no cells. All ranks make the call.
  // `slice` are the points of this rank's slice of n.
  static absl::StatusOr<SharedCells> Create(MatrixView<const double> slice,
                                            int64_t n,
                                            const InducingFactor& factor,
                                            int64_t count, int64_t groups,
                                            int64_t early_rows, int threads,
                                            RankExchange& exchange);

  // The cells, of which this rank's own are here.
  const CellPoints& points() const { return points_; }
  int first_cell(int rank) const { return first_cell_[rank]; }
  // By rank, and the number of cells.
  const std::vector<int>& first_cells() const { return first_cell_; }
  int last_cell(int rank) const { return first_cell_[rank + 1]; }
  int owner(int cell) const;
  int64_t own_points() const { return static_cast<int64_t>(own_.rows.size()); }

  // Gets the points of cells, ascending, that other ranks own, until the next
  // call of Drop. All ranks make both calls, each with its own cells.
  absl::Status Fetch(absl::Span<const int32_t> cells, RankExchange& exchange);
  void Drop();

 private:
  // Points of a run of cells, one cell after the other.
  struct Run {
    std::vector<int32_t> rows;
    Matrix<double> points;
  };

  SharedCells(std::vector<int64_t> counts, std::vector<int32_t> first_rows,
              std::vector<int> first_cell);

  absl::Status Travel(MatrixView<const double> slice, int64_t first_row,
                      absl::Span<const int32_t> cell_of, const CellTree& tree,
                      RankExchange& exchange);
  // Sorts the points of each own cell by row, and puts them into points_.
  absl::Status SortOwn(int rank, int threads);

  CellPoints points_;
  std::vector<int> first_cell_;  // by rank, and the number of cells
  Run own_;
  std::vector<int32_t> fetched_cells_;
  std::vector<Run> fetched_;
};

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_SHARED_CELLS_H_
