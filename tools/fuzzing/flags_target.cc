// Command lines, an argument a line, as far as they are understood before any
// file is opened.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "base/check.h"
#include "tools/fuzzing/target.h"
#include "tools/rct_join.h"
#include "tools/rct_order.h"
#include "tools/rct_search_flags.h"
#include "tools/rct_unique.h"

namespace rct {

const FuzzLimits kFuzzLimits = {.per_byte = 2048, .constant = 1 << 18};

namespace {

void CheckStatus(const absl::Status& status) {
  RCT_CHECK(status.ok() ||
            (absl::IsInvalidArgument(status) && !status.message().empty()));
}

void Try(const std::string& command, absl::Span<const std::string> arguments) {
  if (command == "build") {
    CheckStatus(ParseSearchTask(SearchCommand::kBuild, arguments).status());
  } else if (command == "neighbors") {
    CheckStatus(ParseSearchTask(SearchCommand::kNeighbors, arguments).status());
  } else if (command == "graph") {
    CheckStatus(ParseSearchTask(SearchCommand::kGraph, arguments).status());
  } else if (command == "join") {
    CheckStatus(ParseJoinTask(arguments).status());
  } else if (command == "order") {
    CheckStatus(ParseOrderTask(arguments).status());
  } else {
    CheckStatus(ParseUniqueTask(arguments).status());
  }
}

}  // namespace
}  // namespace rct

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<std::string> arguments =
      absl::StrSplit(rct::InputOf(data, size), '\n');
  rct::Try(arguments[0], absl::MakeConstSpan(arguments).subspan(1));
  return 0;
}
