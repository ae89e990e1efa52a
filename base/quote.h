// Text of somebody else's in our messages.

#ifndef RCT_BASE_QUOTE_H_
#define RCT_BASE_QUOTE_H_

#include <string>
#include <string_view>

namespace rct {

// `found` between single quotes, on one line: bytes that are not printable are
// escaped as in C, and of a long text only the first 24 bytes are shown.
std::string Quote(std::string_view found);

}  // namespace rct

#endif  // RCT_BASE_QUOTE_H_
