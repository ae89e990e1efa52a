// Paths as configs and flags write them.

#ifndef RCT_EXPERIMENTS_PATHS_H_
#define RCT_EXPERIMENTS_PATHS_H_

#include <string>
#include <string_view>

namespace rct {

// "//a/b" is a file of this project, wherever the program was started; anything
// else is a path of the caller's (base/file.h).
std::string ResolveProjectPath(std::string_view path);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_PATHS_H_
