// Budget ladder: a query earns its budget by the neighbors that it finds.
//
// Fills BudgetSlot: it is told of each evaluated tile, and names the queries on
// which nothing more is spent for now. Each query of a batch stands on a rung
// of the ladder, a number of candidates, and its
//
//     yield = candidates that entered its neighbors / candidates evaluated
//
// decides after each tile:
//
//     rung used up, yield >= up     it climbs to the next rung;
//     rung used up, yield < up      it stops;
//     last rung used up             it stops;
//     `patience` tiles < down       it stops, wherever it stands.
//
// Counting begins with the tile after the one in which the query first held k
// neighbors: no query stops with fewer than k while there are k to be found,
// and a k above the last rung is no mistake.
//
// Invariant. With ESCALATE_TO_EXACT, the default, a stopped query is put off
// and not given up: the strategy keeps the subtrees that the query still needs,
// goes on with the others, and visits the kept ones last, where bounds alone
// decide. Each subtree is either dismissed by a bound or visited, as without a
// budget; only the order differs, and the answer keeps its bits.
//     With RETURN_BEST the kept subtrees are never visited. The answer is then
// approximate: whoever shows it labels it so, and its gate is its recall. The
// budget of 96 that made covertreex fast left it a recall of 0.6%.
// Cost. A few operations for a query and tile, 1.5 KB for a thread, and the
// memory of the subtrees that are put off; `budget_escalations` counts climbs
// and `budget_early_stops` queries that were stopped.
// Helps with RETURN_BEST, which saves the work that it cuts off. With
// ESCALATE_TO_EXACT nothing is cut off, and only a better order can save work.
// Hurts if tiles are wider than the rungs, which then are used up at once; and
// the subtrees that are put off are evaluated for fewer queries together.
// The idea and the numbers are those of covertreex.

#ifndef RCT_HEURISTICS_BUDGET_LADDER_BUDGET_LADDER_H_
#define RCT_HEURISTICS_BUDGET_LADDER_BUDGET_LADDER_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "heuristics/budget_ladder/budget_ladder.pb.h"
#include "traversal/traversal.pb.h"
#include "traversal/tree/slots.h"

namespace rct {

class BudgetLadder {
 public:
  static constexpr bool kLimits = true;

  // Returns InvalidArgument, naming the field and element, if a rung is below 1
  // or not above the one before it, if yields are no numbers with
  // 0 <= down <= up <= 1, if patience is below 1, or if on_exhaustion is not
  // given.
  static absl::StatusOr<BudgetLadder> Create(const BudgetLadderConfig& config);

  void StartBatch() {
    counting_ = 0;
    stopped_ = 0;
    accounts_.fill({});
  }

  void AfterTile(const TileYield& yield) {
    QueryMask counted = yield.queries & counting_ & ~stopped_;
    for (; counted != 0; counted &= counted - 1) {
      const int i = std::countr_zero(counted);
      Charge(i, yield.evaluations[i], yield.survivors[i]);
    }
    counting_ |= yield.full;
  }

  QueryMask Stopped() const { return stopped_; }

  bool ReturnsBest() const { return returns_best_; }

  // Sets `budget_escalations` and `budget_early_stops`.
  void Report(SearchCounters& counters) const;

 private:
  struct Account {
    int64_t spent = 0;
    size_t rung = 0;
    int32_t poor_tiles = 0;  // in a row
  };

  explicit BudgetLadder(const BudgetLadderConfig& config);

  // Books a tile on the account of a query, which may climb or stop.
  void Charge(int query, int32_t evaluations, int32_t survivors) {
    Account& account = accounts_[query];
    account.spent += evaluations;
    const bool poor = survivors < down_ * evaluations;
    account.poor_tiles = poor ? account.poor_tiles + 1 : 0;
    bool stop = account.poor_tiles >= patience_;
    // One tile may use up several rungs.
    while (!stop && account.spent >= rungs_[account.rung]) {
      if (survivors >= up_ * evaluations && account.rung + 1 < rungs_.size()) {
        ++account.rung;
        ++escalations_;
      } else {
        stop = true;
      }
    }
    if (stop) {
      stopped_ |= QueryMask{1} << query;
      ++early_stops_;
    }
  }

  std::vector<int32_t> rungs_;
  double up_;
  double down_;
  int32_t patience_;
  bool returns_best_;

  QueryMask counting_ = 0;  // queries that held k neighbors before this tile
  QueryMask stopped_ = 0;
  std::array<Account, kBatchQueries> accounts_;

  int64_t escalations_ = 0;
  int64_t early_stops_ = 0;
};

}  // namespace rct

#endif  // RCT_HEURISTICS_BUDGET_LADDER_BUDGET_LADDER_H_
