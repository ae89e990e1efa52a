// Writes gold, or compares it with the oracle.
//
//     bazel run //parity/gold:write_gold -- --gold=parity/gold --verify
//
// compares every answer in the folder with that of the oracle, which takes a
// minute on two free cores for the gold of this folder. Without --verify the
// program answers the workloads of the folder's manifest anew and writes a
// folder of gold, to --output or in place. It asks twice before it replaces a
// file, and fails where there is no terminal to ask at.

#include <unistd.h>

#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "parity/gold/gold.h"
#include "parity/gold/gold_oracle.h"
#include "parity/gold/gold_writer.h"

ABSL_FLAG(std::string, gold, "parity/gold",
          "A folder of gold, or its manifest. To write, the manifest needs "
          "neither hashes nor shapes, and of the files only the inputs.");
ABSL_FLAG(std::string, output, "", "The folder to write; --gold if empty.");
ABSL_FLAG(int, threads, 0, "Threads; 0 means all there are.");
ABSL_FLAG(bool, verify, false,
          "Write nothing; compare the answers in --gold with the oracle's.");

namespace rct {
namespace {

absl::Status Verify(const std::string& path, int num_threads) {
  RCT_ASSIGN_OR_RETURN(const Gold gold, LoadGold(path));
  std::cout << absl::StreamFormat("%-16s %-6s %13s %13s %13s %8s\n", "answers",
                                  "pass", "|d - oracle|", "|p / p' - 1|",
                                  "smallest gap", "seconds");
  bool pass = true;
  RCT_RETURN_IF_ERROR(
      VerifyGold(gold, num_threads, [&pass](const GoldReport& report) {
        pass = pass && report.verdict.pass;
        std::cout << absl::StreamFormat("%-16s %-6s %13.3g %13.3g %13.3g %8.1f",
                                        report.name,
                                        report.verdict.pass ? "yes" : "NO",
                                        report.max_distance_difference,
                                        report.max_variance_difference,
                                        report.smallest_gap, report.seconds)
                  << std::endl;
        if (!report.verdict.pass) {
          std::cout << "  " << report.verdict.label << ": "
                    << report.verdict.message << std::endl;
        }
      }));
  if (pass) return absl::OkStatus();
  return absl::DataLossError("frozen answers differ from the oracle's");
}

absl::Status Main() {
  const std::string path = ResolvePath(absl::GetFlag(FLAGS_gold));
  const int num_threads = absl::GetFlag(FLAGS_threads);
  if (absl::GetFlag(FLAGS_verify)) return Verify(path, num_threads);
  std::string output = ResolvePath(absl::GetFlag(FLAGS_output));
  if (output.empty()) output = GoldFolder(path);
  RCT_ASSIGN_OR_RETURN(const GoldFiles files, MakeGold(path, num_threads));
  return WriteGold(files, output,
                   isatty(STDIN_FILENO) != 0 ? &std::cin : nullptr, std::cout);
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Writes gold, or holds it against the oracle (--verify).");
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = rct::Main();
  if (status.ok()) return 0;
  std::cerr << "write_gold: " << status << "\n";
  return 1;
}
