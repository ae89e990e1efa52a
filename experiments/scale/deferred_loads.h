// What becomes of deferred pairs in a forecast: who searches them, and what
// that takes.
//
// Ranks share them out by the function that real ones use (pair_shares.h). A
// search of P queries in a cell, in the order of rows, goes through tiles of
// rows, and ends after the last one that comes before a query: under the
// predecessor constraint a query evaluates on average T/2 - T^2 / (6 S) rows
// beyond its own predecessors, where T are the rows of a tile and S > T those
// among which the places of a batch of queries are spread, and
// S/2 - S^2 / (6 T) where S < T: the least of two uniform numbers, the way to
// the end of the tile and to that of the batch.

#ifndef RCT_EXPERIMENTS_SCALE_DEFERRED_LOADS_H_
#define RCT_EXPERIMENTS_SCALE_DEFERRED_LOADS_H_

#include <cstdint>
#include <vector>

#include "experiments/scale/cell_cloud.h"
#include "experiments/scale/cell_model.h"
#include "index/distributed/pair_shares.h"

namespace rct {

struct LoadSettings {
  int ranks = 1;
  double part = 1;  // of all ranks, whose pairs these are
  int64_t dim = 1;
  double later = 1;  // the part of all rows that are queries of cells
  bool predecessor = false;
  int64_t m = 1;
};

// What searches of deferred pairs are for one rank.
struct RankLoad {
  double pairs = 0;
  double evaluations = 0;
  double projected = 0;
  double found = 0;       // neighbors, to be sent
  double sent_pairs = 0;  // bytes of its own pairs to others
  double sent_cells = 0;  // bytes of its cells to others, for units too
};

class DeferredLoads {
 public:
  // first_cell has the first cell of each rank, and the number of cells.
  // `cells` must outlive the object.
  DeferredLoads(const CellCloud& cells, std::vector<int> first_cell,
                const LoadSettings& settings);

  // Adds a trial query of a rank, `times` times.
  void AddQuery(int from, const WeighedQuery& query, double times);
  // Adds an inducing point, of no rank in particular, that finds k in each
  // cell. Its pairs' bytes are not counted here.
  void AddInducing(double before, int64_t k);
  // Adds a cell that a unit of a rank fetches.
  void AddFetched(int from, int cell);

  // Returns the loads of all ranks; done[r] is what rank r has done before, in
  // evaluations, or negative for those that are like others on average.
  std::vector<RankLoad> ShareOut(std::vector<double> done);

 private:
  struct Query {
    int from;
    double weight;
    std::vector<int32_t> cells;
  };
  // What a cell has of pairs.
  struct CellLoad {
    double pairs = 0;
    double evaluations = 0;  // of rows before queries
    double found = 0;
    double fetched = 0;  // by units of other ranks
  };

  using Runs = std::vector<std::vector<PairRun>>;

  int OwnerOf(int cell) const;
  double PairsOf(int cell) const;
  // Has what some ranks do stand for all, evenly.
  void Spread();
  double Beyond(int cell, double pairs) const;
  double BytesOfCell(int cell) const;
  // Add what comes of these runs to the loads of ranks.
  void AddSearches(const Runs& runs, std::vector<RankLoad>& all) const;
  void AddSentPairs(const Runs& runs, std::vector<RankLoad>& all) const;

  const CellCloud& cells_;
  std::vector<int> first_cell_;
  LoadSettings settings_;
  std::vector<Query> queries_;
  std::vector<CellLoad> loads_;
  std::vector<CellLoad> of_inducing_;
};

}  // namespace rct

#endif  // RCT_EXPERIMENTS_SCALE_DEFERRED_LOADS_H_
