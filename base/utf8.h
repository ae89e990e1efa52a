// The check that bytes are text.

#ifndef RCT_BASE_UTF8_H_
#define RCT_BASE_UTF8_H_

#include <string_view>

namespace rct {

// Returns true if `bytes` are well-formed UTF-8 (RFC 3629: no overlong forms,
// no surrogates, at most U+10FFFF) without ASCII control characters.
bool IsPrintableUtf8(std::string_view bytes);

}  // namespace rct

#endif  // RCT_BASE_UTF8_H_
