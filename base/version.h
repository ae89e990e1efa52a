// The version of the library and of its programs. It follows the rules of
// semver.org, with 1.0.0 once the interfaces are stable.

#ifndef RCT_BASE_VERSION_H_
#define RCT_BASE_VERSION_H_

#include <string_view>

namespace rct {

inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace rct

#endif  // RCT_BASE_VERSION_H_
