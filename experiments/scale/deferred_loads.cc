#include "experiments/scale/deferred_loads.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "experiments/scale/cell_cloud.h"
#include "experiments/scale/cell_model.h"
#include "index/distributed/pair_shares.h"

namespace rct {
namespace {

// The rows of a tile and the queries of a batch of an exhaustive search.
constexpr double kTile = 120;
constexpr double kBatch = 128;

}  // namespace

DeferredLoads::DeferredLoads(const CellCloud& cells,
                             std::vector<int> first_cell,
                             const LoadSettings& settings)
    : cells_(cells),
      first_cell_(std::move(first_cell)),
      settings_(settings),
      loads_(cells.size()),
      of_inducing_(cells.size()) {}

int DeferredLoads::OwnerOf(int cell) const {
  return static_cast<int>(
      std::upper_bound(first_cell_.begin() + 1, first_cell_.end(), cell) -
      (first_cell_.begin() + 1));
}

void DeferredLoads::AddQuery(int from, const WeighedQuery& query,
                             double times) {
  const double weight = query.weight * times;
  for (const int32_t c : query.wanted) {
    loads_[c].pairs += weight;
    loads_[c].evaluations +=
        weight * query.before * static_cast<double>(cells_.count(c));
  }
  for (const int32_t c : query.found) loads_[c].found += weight;
  if (!query.wanted.empty()) queries_.push_back({from, weight, query.wanted});
}

void DeferredLoads::AddInducing(double before, int64_t k) {
  for (int c = 0; c < cells_.size(); ++c) {
    of_inducing_[c].pairs += 1;
    of_inducing_[c].evaluations +=
        before * static_cast<double>(cells_.count(c));
    of_inducing_[c].found += static_cast<double>(k);
  }
}

void DeferredLoads::AddFetched(int from, int cell) {
  if (OwnerOf(cell) != from) loads_[cell].fetched += 1;
}

void DeferredLoads::Spread() {
  if (settings_.part == 1) return;
  CellLoad sum;
  double points = 0;
  for (int c = 0; c < cells_.size(); ++c) {
    const auto count = static_cast<double>(cells_.count(c));
    points += count;
    sum.pairs += loads_[c].pairs;
    sum.evaluations += loads_[c].evaluations;
    sum.found += loads_[c].found;
    sum.fetched += loads_[c].fetched * count;
  }
  for (int c = 0; c < cells_.size(); ++c) {
    const double share =
        static_cast<double>(cells_.count(c)) / points / settings_.part;
    loads_[c] = {sum.pairs * share, sum.evaluations * share, sum.found * share,
                 sum.fetched / points / settings_.part};
  }
}

double DeferredLoads::Beyond(int cell, double pairs) const {
  if (!settings_.predecessor) return 0;
  const double spread = static_cast<double>(cells_.count(cell)) *
                        settings_.later / std::ceil(pairs / kBatch);
  const double less = std::min(spread, kTile);
  const double more = std::max(spread, kTile);
  return less / 2 - less * less / (6 * more);
}

double DeferredLoads::BytesOfCell(int cell) const {
  return static_cast<double>(cells_.count(cell) * (4 + 8 * settings_.dim));
}

std::vector<RankLoad> DeferredLoads::ShareOut(std::vector<double> done) {
  Spread();
  double known = 0, sum = 0;
  for (const double of_rank : done) {
    known += of_rank >= 0 ? 1 : 0;
    sum += std::max(0.0, of_rank);
  }
  for (double& of_rank : done) {
    if (of_rank < 0) of_rank = sum / known;
  }
  std::vector<double> pairs;
  for (int c = 0; c < cells_.size(); ++c) pairs.push_back(PairsOf(c));
  const Runs runs = ShareOutPairs({cells_.counts(), pairs, first_cell_, done,
                                   EvaluationsOfPoint(settings_.m)});
  std::vector<RankLoad> all(settings_.ranks);
  AddSearches(runs, all);
  AddSentPairs(runs, all);
  return all;
}

double DeferredLoads::PairsOf(int cell) const {
  return loads_[cell].pairs + of_inducing_[cell].pairs;
}

void DeferredLoads::AddSearches(const Runs& runs,
                                std::vector<RankLoad>& all) const {
  for (int c = 0; c < cells_.size(); ++c) {
    const int owner = OwnerOf(c);
    all[owner].sent_cells += loads_[c].fetched * BytesOfCell(c);
    double first = 0;
    for (const PairRun& run : runs[c]) {
      const double length = run.last - std::exchange(first, run.last);
      if (length <= 0) continue;
      const double share = length / PairsOf(c);
      RankLoad& load = all[run.rank];
      load.pairs += length;
      load.evaluations +=
          share * (loads_[c].evaluations + of_inducing_[c].evaluations) +
          length * Beyond(c, length);
      load.projected += static_cast<double>(cells_.count(c)) + length;
      load.found += share * (loads_[c].found + of_inducing_[c].found);
      if (run.rank != owner) all[owner].sent_cells += BytesOfCell(c);
    }
  }
}

void DeferredLoads::AddSentPairs(const Runs& runs,
                                 std::vector<RankLoad>& all) const {
  // Pairs of a cell are in the order of the ranks that defer them.
  for (const Query& query : queries_) {
    std::set<int> others;
    for (const int32_t c : query.cells) {
      const double place = PairsOf(c) * (query.from + 0.5) / settings_.ranks;
      const auto to =
          std::find_if(runs[c].begin(), runs[c].end(),
                       [&](const PairRun& run) { return place < run.last; });
      if (to == runs[c].end() || to->rank == query.from) continue;
      others.insert(to->rank);
      all[query.from].sent_pairs += 16 * query.weight;
    }
    all[query.from].sent_pairs += query.weight *
                                  static_cast<double>(others.size()) *
                                  static_cast<double>(4 + 8 * settings_.dim);
  }
}

}  // namespace rct
