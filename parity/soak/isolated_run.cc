#include "parity/soak/isolated_run.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/check.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"
#include "parity/soak/case_runner.h"
#include "parity/soak/shrink.h"
#include "parity/soak/soak.pb.h"

namespace rct {
namespace {

void WriteAll(int file, const std::string& bytes) {
  size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t count =
        write(file, bytes.data() + written, bytes.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    written += static_cast<size_t>(count);
  }
}

std::string ReadAll(int file) {
  std::string bytes;
  char buffer[4096];
  while (true) {
    const ssize_t count = read(file, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(count));
  }
}

SoakOutcome Crashed(std::string message) {
  SoakOutcome outcome;
  outcome.set_kind(SoakOutcome::CRASHED);
  outcome.set_message(std::move(message));
  return outcome;
}

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) +
         1e-6 * static_cast<double>(time.tv_usec);
}

}  // namespace

IsolatedRun::IsolatedRun(const SoakCase& soak_case, const std::string& folder,
                         unsigned seconds)
    : seconds_(seconds) {
  int ends[2];
  RCT_CHECK(pipe(ends) == 0);
  child_ = fork();
  RCT_CHECK(child_ >= 0);
  if (child_ == 0) {
    close(ends[0]);
    alarm(seconds);
    WriteAll(ends[1], RunSoakCase(soak_case, folder).SerializeAsString());
    _exit(0);
  }
  close(ends[1]);
  output_ = ends[0];
}

SoakOutcome IsolatedRun::Finish() {
  const std::string bytes = ReadAll(output_);
  close(output_);
  int status = 0;
  rusage used = {};
  while (wait4(child_, &status, 0, &used) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) {
    return Crashed(WTERMSIG(status) == SIGALRM
                       ? absl::StrCat("it takes more than ", seconds_, " s")
                       : absl::StrCat("a signal ended the process: ",
                                      strsignal(WTERMSIG(status))));
  }
  SoakOutcome outcome;
  if (WEXITSTATUS(status) != 0 || !outcome.ParseFromString(bytes)) {
    return Crashed(
        absl::StrCat("the process ended with status ", WEXITSTATUS(status)));
  }
  outcome.set_seconds(Seconds(used.ru_utime) + Seconds(used.ru_stime));
  return outcome;
}

SoakOutcome RunIsolated(const SoakCase& soak_case, const std::string& folder,
                        unsigned seconds) {
  return IsolatedRun(soak_case, folder, seconds).Finish();
}

SoakCase ShrinkIsolated(const SoakCase& failing, const SoakOutcome& outcome,
                        const std::string& folder) {
  // An error must stay the same error: a case that lacks what it needs is
  // another one. Numbers in its message may change.
  const auto kind_of_error = [](const SoakOutcome& of) {
    const std::string& message = of.message();
    if (of.kind() != SoakOutcome::ERROR) return std::string();
    return message.substr(0, message.find_first_of("0123456789", 6));
  };
  return ShrinkSoakCase(failing, [&](const SoakCase& smaller) {
    const SoakOutcome now = RunIsolated(smaller, folder);
    return now.kind() == outcome.kind() &&
           kind_of_error(now) == kind_of_error(outcome);
  });
}

std::string JsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string line;
  RCT_CHECK(google::protobuf::util::MessageToJsonString(message, &line, options)
                .ok());
  return line;
}

absl::StatusOr<SoakCase> ParseSoakCase(std::string_view json) {
  SoakCase soak_case;
  const auto status = google::protobuf::util::JsonStringToMessage(
      {json.data(), json.size()}, &soak_case);
  if (status.ok()) return soak_case;
  return absl::InvalidArgumentError(absl::StrCat(
      "this is no case of the soak: ", std::string(status.message())));
}

std::string CommandOf(const SoakCase& soak_case) {
  return absl::StrCat(
      "./tools/soak --case='",
      absl::StrReplaceAll(JsonLine(soak_case), {{"'", "'\\''"}}), "'");
}

}  // namespace rct
