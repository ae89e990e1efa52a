#include "base/quote.h"

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace rct {

std::string Quote(std::string_view found) {
  constexpr size_t kMaxBytes = 24;
  return absl::StrCat("'", absl::CHexEscape(found.substr(0, kMaxBytes)),
                      found.size() > kMaxBytes ? "...'" : "'");
}

}  // namespace rct
