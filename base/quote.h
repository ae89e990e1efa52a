// Quotations of foreign text in messages.

#ifndef RCT_BASE_QUOTE_H_
#define RCT_BASE_QUOTE_H_

#include <string>
#include <string_view>

namespace rct {

// Returns `found` between single quotes, on one line: bytes that are not
// printable are escaped as in C, and a long text is cut after 24 bytes.
std::string Quote(std::string_view found);

}  // namespace rct

#endif  // RCT_BASE_QUOTE_H_
