// Paths in configs and flags.

#ifndef RCT_EXPERIMENTS_PATHS_H_
#define RCT_EXPERIMENTS_PATHS_H_

#include <string>
#include <string_view>

namespace rct {

// Returns the path of the file that `path` names: "//a/b" is a file of this
// project, wherever the program was started, and any other path counts from
// where the user called (base/file.h).
std::string ResolveProjectPath(std::string_view path);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_PATHS_H_
