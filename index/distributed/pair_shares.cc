#include "index/distributed/pair_shares.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace rct {
namespace {

// What a run of pairs is to evaluate, for V of its cell, to be worth moving.
constexpr double kWorthMoving = 4;

// How far ranks are filled up, of the mean: V of runs that move is more work.
constexpr double kFull = 1.05;

// The part of V that counts as work done.
constexpr double kPartOfV = 0.35;

// Pairs of a cell that its owner gives away.
struct Gift {
  int cell;
  double pairs;
};

// Returns what each rank is to do if owners search all pairs of their cells.
std::vector<double> WorkOfOwners(const PairWork& work) {
  std::vector<double> all(work.done.begin(), work.done.end());
  for (size_t r = 0; r < all.size(); ++r) {
    for (int c = work.first_cell[r]; c < work.first_cell[r + 1]; ++c) {
      if (work.pairs[c] == 0) continue;
      all[r] +=
          static_cast<double>(work.points[c]) * (work.pairs[c] + work.of_point);
    }
  }
  return all;
}

// Appends pairs of the cells [first, last) that are worth `excess` together.
void GiveAway(const PairWork& work, int first, int last, double excess,
              std::vector<Gift>& gifts) {
  std::vector<std::pair<double, int>> fullest;
  for (int c = first; c < last; ++c) fullest.emplace_back(-work.pairs[c], c);
  std::sort(fullest.begin(), fullest.end());
  for (const auto& [minus_pairs, c] : fullest) {
    const auto points = static_cast<double>(work.points[c]);
    const double give = std::floor(std::min(-minus_pairs, excess / points));
    if (give <= kWorthMoving * work.of_point) break;
    gifts.push_back({c, give});
    excess -= give * points;
  }
}

// How much a rank may yet take, less than 0, and its number.
using Taker = std::pair<double, int>;

// Has `takers`, from number `taker` on, take what is given of a cell, whose
// only run is its owner's.
void Take(Gift gift, double points, double of_point, std::vector<Taker>& takers,
          size_t& taker, std::vector<PairRun>& of_cell) {
  const double least = kWorthMoving * of_point;
  double first = of_cell[0].last - gift.pairs;
  while (gift.pairs > least && taker < takers.size()) {
    auto& [minus_room, rank] = takers[taker];
    const double take =
        std::floor(std::min(gift.pairs, -minus_room / points - of_point));
    if (take <= least) {
      ++taker;
      continue;
    }
    if (std::ssize(of_cell) == 1) of_cell[0].last = first;
    first += take;
    of_cell.push_back({rank, first});
    gift.pairs -= take;
    minus_room += points * (take + of_point);
  }
  // What nobody takes stays with the owner, at the end.
  if (std::ssize(of_cell) > 1 && gift.pairs > 0) {
    of_cell.push_back({of_cell[0].rank, first + gift.pairs});
  }
}

}  // namespace

double EvaluationsOfPoint(int64_t m) { return 0.5 * static_cast<double>(m); }

double WorkDone(double projected, double evaluations, int64_t m) {
  return kPartOfV * projected * EvaluationsOfPoint(m) + evaluations;
}

std::vector<std::vector<PairRun>> ShareOutPairs(const PairWork& work) {
  const auto ranks = static_cast<int>(work.done.size());
  const std::vector<double> all = WorkOfOwners(work);
  const double mean = std::accumulate(all.begin(), all.end(), 0.0) / ranks;
  std::vector<std::vector<PairRun>> runs(work.points.size());
  std::vector<Gift> gifts;
  for (int r = 0; r < ranks; ++r) {
    for (int c = work.first_cell[r]; c < work.first_cell[r + 1]; ++c) {
      runs[c].push_back({r, work.pairs[c]});
    }
    if (all[r] <= mean) continue;
    GiveAway(work, work.first_cell[r], work.first_cell[r + 1], all[r] - mean,
             gifts);
  }
  // Those that have least to do take first.
  std::vector<Taker> takers;
  for (int r = 0; r < ranks; ++r) takers.emplace_back(all[r] - kFull * mean, r);
  std::sort(takers.begin(), takers.end());
  size_t taker = 0;
  for (const Gift& gift : gifts) {
    Take(gift, static_cast<double>(work.points[gift.cell]), work.of_point,
         takers, taker, runs[gift.cell]);
  }
  return runs;
}

}  // namespace rct
