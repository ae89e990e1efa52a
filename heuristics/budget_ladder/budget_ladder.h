// Budget ladder: a query earns its budget by the neighbours that it finds.
//
// Fills BudgetSlot: it is told of each evaluated block, and names the queries
// on which nothing more is spent for now. Each query of a batch stands on a
// rung of the ladder, a number of candidates, and its
//
//     yield = candidates that entered its neighbours / candidates evaluated
//
// decides after each block:
//
//     rung used up, yield >= up     it climbs to the next rung;
//     rung used up, yield < up      it stops;
//     last rung used up             it stops;
//     `patience` blocks < down      it stops, wherever it stands.
//
// Counted from the block after the one in which the query first held k
// neighbours: nobody stops with fewer than k while there are k to be found, and
// a k above the last rung is no mistake.
//
// Invariant. With ESCALATE_TO_EXACT, the default, a stopped query is put off
// and not given up: the strategy keeps the subtrees that the query still needs,
// goes on with the others, and visits what was kept last, where bounds alone
// decide. So each subtree is either dismissed by a bound or visited, as without
// a budget; only the order differs, and the answer keeps its bits.
//     With RETURN_BEST what was kept is never visited. The answer is then
// approximate: whoever shows it labels it so, and its gate is its recall. The
// budget of 96 that made covertreex fast left it a recall of 0.6%.
// Cost. A few operations for a query and block, 1.5 KB for a thread, and the
// memory of what is put off; `budget_escalations` counts climbs and
// `budget_early_stops` queries that were stopped.
// Helps with RETURN_BEST, which saves what it cuts off. With ESCALATE_TO_EXACT
// nothing is cut off, and only a better order can save anything.
// Hurts where blocks are wider than the rungs, which then are used up at once;
// and what was put off is evaluated for fewer queries together.
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

  // InvalidArgument, naming the field and element, where a rung is below 1 or
  // not above the one before it, yields are no numbers with
  // 0 <= down <= up <= 1, patience is below 1, or on_exhaustion is not given.
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

  // Adds `budget_escalations` and `budget_early_stops`.
  void Report(SearchCounters& counters) const;

 private:
  struct Account {
    int64_t spent = 0;
    size_t rung = 0;
    int32_t poor_blocks = 0;  // in a row
  };

  explicit BudgetLadder(const BudgetLadderConfig& config);

  void Charge(int query, int32_t evaluations, int32_t survivors) {
    Account& account = accounts_[query];
    account.spent += evaluations;
    const bool poor = survivors < down_ * evaluations;
    account.poor_blocks = poor ? account.poor_blocks + 1 : 0;
    bool stop = account.poor_blocks >= patience_;
    // One block may use up several rungs.
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

  QueryMask counting_ = 0;  // those that held k neighbours before this block
  QueryMask stopped_ = 0;
  std::array<Account, kBatchQueries> accounts_;

  int64_t escalations_ = 0;
  int64_t early_stops_ = 0;
};

}  // namespace rct

#endif  // RCT_HEURISTICS_BUDGET_LADDER_BUDGET_LADDER_H_
