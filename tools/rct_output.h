// What flags write: checks before the work, and files at its end.

#ifndef RCT_TOOLS_RCT_OUTPUT_H_
#define RCT_TOOLS_RCT_OUTPUT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace rct {

// The file that the user means by `path`: `-` is standard output, and a
// relative path counts from where the user called.
std::string OutputPath(const std::string& path);

// A flag and the file it names, "" where the flag is not given.
using FileFlag = std::pair<std::string_view, std::string>;

// Finds before the work what would fail after it, or lose something:
// InvalidArgument, and codes as in base/file.h, naming flag and file, where an
// output cannot be written to, is an input as well, or is another output, and
// where two inputs read standard input. Files are the same however they are
// spelled, and through links.
absl::Status CheckFiles(absl::Span<const FileFlag> inputs,
                        absl::Span<const FileFlag> outputs);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_OUTPUT_H_
