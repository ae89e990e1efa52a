// Files of each kind that the program reads, under commands that take them: the
// first byte of an input says which command, the rest is the file. Whatever is
// in the file, the program ends with a message or an answer, and writes the
// files that it was told to and no others.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "tools/fuzzing/archives.h"
#include "tools/fuzzing/target.h"
#include "tools/rct_commands.h"

namespace rct {

const FuzzLimits kFuzzLimits = {.per_byte = 8192, .constant = 1 << 26};

namespace {

// Each reads one file, whose name begins with "in.", and writes "out.*".
constexpr const char* kCommands[] = {
    "info in.csv",
    "info in.npy",
    "info in.rct",
    "info in.rctpart",
    "graph --points=in.csv --metric=euclidean --k=2 --threads=1 "
    "--out_indices=out.csv",
    "graph --points=in.npy --kernel=rbf --lengthscale=1 --num_inducing=2 --k=2 "
    "--threads=1 --out_indices=out.npy --out_distances=out.csv",
    "graph --points=in.csv --columns=x,y --id_column=id --lonlat "
    "--metric=euclidean --k=1 --threads=1 --out_indices=out.tsv",
    "graph --index=in.rct --k=2 --threads=1 --out_indices=out.npy",
    "build --points=in.fvecs --metric=euclidean --threads=1 --index=out.rct",
    "join in.rctpart --out_indices=out.csv",
    "order --points=in.csv --method=maxmin --out_order=out.csv",
    "unique --points=in.csv --out_points=out.csv --out_inverse=out.npy",
};

// Returns the name of the file that a command reads.
std::string InputFile(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    const size_t at = argument.find("in.");
    if (at == 0 || (at != argument.npos && argument[at - 1] == '=')) {
      return argument.substr(at);
    }
  }
  RCT_CHECK(false);
  return "";
}

void Try(std::string_view bytes) {
  const auto number = static_cast<uint8_t>(bytes.front());
  const std::vector<std::string> arguments =
      absl::StrSplit(kCommands[number % std::size(kCommands)], ' ');
  const std::string input = InputFile(arguments);
  std::string contents(bytes.substr(1));
  if (absl::EndsWith(input, ".rct") || absl::EndsWith(input, ".rctpart")) {
    contents = WithDigest(contents);
  }
  std::ofstream(input, std::ios::binary) << contents;
  const CommandOutcome outcome = RunCommand(arguments);
  RCT_CHECK(outcome.exit_code == 0 || outcome.exit_code == 1);
  RCT_CHECK((outcome.exit_code == 0) == outcome.err.empty() ||
            outcome.exit_code == 0);
  for (const auto& entry : std::filesystem::directory_iterator(".")) {
    const std::string name = entry.path().filename().string();
    RCT_CHECK(name == input ||
              (outcome.exit_code == 0 && absl::StartsWith(name, "out.")));
    std::filesystem::remove(entry.path());
  }
}

}  // namespace
}  // namespace rct

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0) rct::Try(rct::InputOf(data, size));
  return 0;
}
