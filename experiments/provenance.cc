#include "experiments/provenance.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/parallel.h"
#include "base/sha256.h"
#include "metric/simd_routines.h"

namespace rct {
namespace {

std::string Commit() {
  // The shell reads the folder as a variable, so that its path may have any
  // characters.
  if (std::getenv("BUILD_WORKSPACE_DIRECTORY") == nullptr) return "unknown";
  std::FILE* pipe = popen(
      "git -C \"$BUILD_WORKSPACE_DIRECTORY\" describe --always --abbrev=12 "
      "--dirty --exclude='*' 2>/dev/null",
      "r");
  if (pipe == nullptr) return "unknown";
  std::string text;
  char buffer[128];
  while (std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  const bool failed = pclose(pipe) != 0;
  absl::StripAsciiWhitespace(&text);
  return failed || text.empty() ? "unknown" : text;
}

std::string Machine() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!absl::StartsWith(line, "model name")) continue;
    const size_t colon = line.find(':');
    if (colon == line.npos) break;
    return std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  }
  return "unknown";
}

std::string ProgramDigest() {
  const absl::StatusOr<std::string> program = ReadFile("/proc/self/exe");
  return program.ok() ? Sha256Hex(*program) : "unknown";
}

}  // namespace

RunRecord::Provenance CollectProvenance(const std::string& command) {
  RunRecord::Provenance origin;
  origin.set_commit(Commit());
  origin.set_machine(Machine());
  origin.set_processors(HardwareThreads());
  origin.set_instruction_set(std::string(IsaName(BestSimdRoutines().isa)));
#ifdef __clang__
  origin.set_compiler(absl::StrCat("clang ", __clang_version__));
#else
  origin.set_compiler(absl::StrCat("gcc ", __VERSION__));
#endif
  origin.set_compilation_mode(RCT_COMPILATION_MODE);
  origin.set_command(command);
  origin.set_time(
      absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone()));
  origin.set_program_digest(ProgramDigest());
  return origin;
}

}  // namespace rct
