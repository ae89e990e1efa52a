#include "heuristics/masked_dedupe/masked_dedupe.h"

#include <cstdint>

#include "absl/status/statusor.h"

namespace rct {

absl::StatusOr<MaskedDedupe> MaskedDedupe::Create(const MaskedDedupeConfig&,
                                                  int64_t num_nodes) {
  return MaskedDedupe(num_nodes);
}

void MaskedDedupe::Clear() {
  visits_.assign(num_nodes_, {});
  generation_ = 0;
}

void MaskedDedupe::Report(SearchCounters& counters) const {
  counters.set_duplicates_dropped(dropped_);
}

}  // namespace rct
