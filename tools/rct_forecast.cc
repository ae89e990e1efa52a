#include "tools/rct_forecast.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/memory_limit.h"
#include "index/index.pb.h"
#include "index/index_memory.h"
#include "traversal/traversal.pb.h"

namespace rct {

std::string ForecastLines(int64_t n, int64_t dim, int64_t m, int64_t k) {
  std::string text = absl::StrFormat(
      "  %-34s %14s %12s\n", absl::StrCat("forecast, ", m, " inducing points"),
      "bytes a point", "in all");
  const auto add = [&](std::string_view what, double bytes) {
    absl::StrAppendFormat(&text, "  %-34s %14.0f %12s\n", what,
                          bytes / static_cast<double>(n), HumanBytes(bytes));
  };
  IndexOptions options;
  options.set_strategy(BLOCK);
  std::vector<MemoryNeed> needs = NeedsOf(options, n, dim, m);
  for (const MemoryNeed& need : needs) add(need.what, need.bytes);
  const double certain = TotalBytes(needs);
  const std::vector<MemoryNeed> more = TypicalBlockNeeds(n, m);
  for (const MemoryNeed& need : more) {
    add(absl::StrCat(need.what, ", about"), need.bytes);
  }
  if (k > 0) {
    add(absl::StrCat("answer of ", k, " neighbors"),
        16.0 * static_cast<double>(n) * static_cast<double>(k));
  }
  absl::StrAppend(&text, "  A build needs ", HumanBytes(certain),
                  "; what is marked is left out where --memory_limit leaves no "
                  "room.\n");
  return text;
}

}  // namespace rct
