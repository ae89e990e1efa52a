// Output files that flags name, and checks of all files before the work.

#ifndef RCT_TOOLS_RCT_OUTPUT_H_
#define RCT_TOOLS_RCT_OUTPUT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/matrix_file.h"

namespace rct {

// Returns the file that the user means by `path`: `-` is standard output, and a
// relative path counts from where the user called.
std::string OutputPath(const std::string& path);

// A file for a part of an answer; its path is "" where none is wanted.
struct OutputFile {
  std::string path;
  MatrixFormat format = MatrixFormat::kNpy;  // or kCsv or kTsv
};

// The values of --format.
const std::vector<std::string>& FormatNames();

// Returns the format of the file that `flag` names: that of --format, by its
// number, or else what the ending of the path says. Returns InvalidArgument
// where neither says one, they contradict each other, or the ending names a
// format that is not written.
absl::StatusOr<MatrixFormat> OutputFormat(std::string_view flag,
                                          const std::string& path,
                                          std::optional<int> format);

// Returns what stands between the fields of a text format.
char SeparatorOf(MatrixFormat format);

// Return the contents of a file: of a table, whose columns in a text are named
// `column`_1 and so on, and of a vector, one-dimensional as .npy.
std::string SerializeOutput(MatrixFormat format, std::string_view column,
                            MatrixView<const int64_t> table);
std::string SerializeOutput(MatrixFormat format, std::string_view column,
                            MatrixView<const double> table);
std::string SerializeOutput(MatrixFormat format, std::string_view column,
                            const std::vector<int64_t>& values);
std::string SerializeOutput(MatrixFormat format, std::string_view column,
                            const std::vector<double>& values);

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
