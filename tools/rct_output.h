// Output files that flags name, and checks of all files before the work.

#ifndef RCT_TOOLS_RCT_OUTPUT_H_
#define RCT_TOOLS_RCT_OUTPUT_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix_file.h"

namespace rct {

// Returns the file that the user means by `path`: `-` is standard output, and a
// relative path counts from where the user called.
std::string OutputPath(const std::string& path);

// A file for a part of the answer; its path is "" where none is wanted.
struct OutputFile {
  std::string path;
  MatrixFormat format = MatrixFormat::kNpy;  // or kCsv
};

// The values of --format.
const std::vector<std::string>& FormatNames();

// Returns the format that --format names (by its number, if it is given), or
// else the ending of the file that `flag` names; CSV for standard output.
// Returns InvalidArgument, naming the flags, where neither says it or both
// contradict each other.
absl::StatusOr<MatrixFormat> OutputFormat(std::string_view flag,
                                          const std::string& path,
                                          std::optional<int> format);

// A flag and the file it names, "" where the flag is not given.
using FileFlag = std::pair<std::string_view, std::string>;

// Finds, before the work, errors that would otherwise come after it or destroy
// an input. Returns InvalidArgument or a code of base/file.h, naming flag and
// file, where an output cannot be written to, is also an input or another
// output, or where two inputs read standard input. Paths that are spelled
// differently or lead through links may name the same file.
absl::Status CheckFiles(absl::Span<const FileFlag> inputs,
                        absl::Span<const FileFlag> outputs);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_OUTPUT_H_
