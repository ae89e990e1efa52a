// The differential soak: random cases of everything against exhaustive search.

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "base/stop_signals.h"
#include "parity/soak/case_generator.h"
#include "parity/soak/case_runner.h"
#include "parity/soak/isolated_run.h"
#include "parity/soak/soak.pb.h"
#include "tools/rct_flags.h"

namespace rct {
namespace {

constexpr std::string_view kUsage =
    R"(usage: ./tools/soak [--minutes=N] [--seed=S] [--first=I] [--cases=C]
                    [--jobs=J]
       ./tools/soak --case=JSON

Runs random cases, each an index with calls and changes, and compares every
answer with exhaustive search: the same rows and the same bits of distances.
Prints one line of JSON for each case, with all that is needed to repeat it.
The first failure ends the soak: the case is made as small as it can be, and
the command that repeats it is printed.

  --minutes=N  how long (default: 1, or no limit with --cases)
  --seed=S     whose cases (default: 1): case I of a seed is the same on every
               machine
  --first=I    the number of the first case (default: 0)
  --cases=C    how many cases (default: as many as there is time for)
  --jobs=J     how many cases run side by side (default: 1); lines come in the
               order in which cases end
  --case=JSON  one case, as a line has it under "case"; it is not made smaller

for example:
  ./tools/soak --minutes=10 --seed=7 >soak.jsonl
)";

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Task {
  std::optional<double> minutes;
  std::optional<int64_t> seed, first, cases, jobs;
  std::string json;
};

absl::StatusOr<Task> ParseTask(const std::vector<std::string>& arguments) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 2;
  Task task;
  FlagSet flags;
  flags.Positive("minutes", &task.minutes);
  flags.Integer("seed", 0, kMost, &task.seed);
  flags.Integer("first", 0, kMost, &task.first);
  flags.Integer("cases", 1, kMost, &task.cases);
  flags.Integer("jobs", 1, 1024, &task.jobs);
  flags.Text("case", &task.json);
  RCT_ASSIGN_OR_RETURN(const std::vector<std::string> rest,
                       flags.Parse(arguments));
  if (!rest.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(rest.front(), ": the soak takes flags alone"));
  }
  if (!task.json.empty() &&
      (task.minutes.has_value() || task.seed || task.first.has_value() ||
       task.cases || task.jobs)) {
    return absl::InvalidArgumentError("--case: stands alone");
  }
  return task;
}

// A folder that goes with this object.
class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              absl::StrCat("rct_soak_", getpid())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Sums over cases.
struct Totals {
  void Add(const SoakOutcome& outcome) {
    ++cases;
    refused += outcome.kind() == SoakOutcome::REFUSED ? 1 : 0;
    calls += outcome.calls();
    rows += outcome.rows();
    neighbors += outcome.neighbors();
  }
  void Print(double seconds) const {
    absl::FPrintF(stderr,
                  "soak: %d cases (%d refused alike) in %.0f s: %d calls, %d "
                  "rows and %d neighbors compared\n",
                  cases, refused, seconds, calls, rows, neighbors);
  }
  int64_t cases = 0, refused = 0, calls = 0, rows = 0, neighbors = 0;
};

// Prints the line of a case that has ended.
void PrintLine(const SoakRecord& record) {
  absl::PrintF("%s\n", JsonLine(record));
  std::fflush(stdout);
}

void Explain(const SoakCase& failing, const SoakOutcome& outcome,
             const std::string& folder) {
  absl::FPrintF(stderr, "soak: %s: %s\nsoak: looking for a smaller case\n",
                SoakOutcome::Kind_Name(outcome.kind()), outcome.message());
  const SoakCase smallest = ShrinkIsolated(failing, outcome, folder);
  absl::FPrintF(stderr, "soak: %s\nTo repeat it:\n%s\n",
                RunIsolated(smallest, folder).message(), CommandOf(smallest));
}

int RunOne(const Task& task) {
  const absl::StatusOr<SoakCase> parsed = ParseSoakCase(task.json);
  if (!parsed.ok()) {
    absl::FPrintF(stderr, "soak: --case: %s\n", parsed.status().message());
    return 2;
  }
  SoakRecord record;
  *record.mutable_case_() = *parsed;
  const Folder folder;
  *record.mutable_outcome() = RunIsolated(record.case_(), folder.path());
  PrintLine(record);
  return IsFailure(record.outcome()) ? 1 : 0;
}

// Cases that run side by side, each with a folder of its own below `folder`.
class RunningCases {
 public:
  RunningCases(std::string folder, int64_t jobs)
      : folder_(std::move(folder)), slots_(jobs) {}

  bool full() const { return running_ == static_cast<int64_t>(slots_.size()); }
  bool empty() const { return running_ == 0; }

  // Starts the case of the record. Assumes that not all places are taken.
  void Start(SoakRecord record) {
    size_t i = 0;
    while (slots_[i].has_value()) ++i;
    const std::string folder = absl::StrCat(folder_, "/", i);
    std::filesystem::create_directories(folder);
    slots_[i].emplace(std::move(record), folder);
    ++running_;
  }

  // Waits until one of the cases has ended, and returns it with its outcome.
  // Assumes that there is one.
  SoakRecord Next() {
    std::vector<pollfd> ends;
    std::vector<size_t> of;
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (!slots_[i].has_value()) continue;
      ends.push_back({slots_[i]->run.done(), POLLIN, 0});
      of.push_back(i);
    }
    while (poll(ends.data(), ends.size(), /*timeout=*/-1) < 0 &&
           errno == EINTR) {
    }
    size_t j = 0;
    while (j + 1 < ends.size() && ends[j].revents == 0) ++j;
    std::optional<Slot>& slot = slots_[of[j]];
    SoakRecord record = std::move(slot->record);
    *record.mutable_outcome() = slot->run.Finish();
    slot.reset();
    --running_;
    return record;
  }

 private:
  struct Slot {
    Slot(SoakRecord of, const std::string& folder)
        : record(std::move(of)), run(record.case_(), folder) {}
    SoakRecord record;
    IsolatedRun run;
  };
  std::string folder_;
  std::vector<std::optional<Slot>> slots_;
  int64_t running_ = 0;
};

SoakRecord MakeRecord(uint64_t seed, int64_t number) {
  SoakRecord record;
  record.set_seed(seed);
  record.set_number(number);
  *record.mutable_case_() = MakeSoakCase(seed, number);
  return record;
}

// Runs cases until one fails, there are no more, the time is over or a signal
// comes, which `noted` becomes. Those that run then still end. Returns the
// first that failed.
std::optional<SoakRecord> RunUntilFailure(const Task& task,
                                          const std::string& folder,
                                          int& noted) {
  const StopSignals signals;
  const Clock::time_point begin = Clock::now();
  const double limit = task.minutes.has_value() ? 60 * *task.minutes
                       : task.cases.has_value()
                           ? std::numeric_limits<double>::infinity()
                           : 60;
  Totals totals;
  std::optional<SoakRecord> failing;
  double printed = 0;
  RunningCases running(folder, task.jobs.value_or(1));
  int64_t started = 0;
  while (true) {
    while (!running.full() && !failing.has_value() && noted == 0 &&
           SecondsSince(begin) < limit &&
           (!task.cases.has_value() || started < *task.cases)) {
      running.Start(
          MakeRecord(task.seed.value_or(1), task.first.value_or(0) + started));
      ++started;
    }
    if (running.empty()) break;
    SoakRecord record = running.Next();
    PrintLine(record);
    noted = signals.noted();
    if (noted != 0) continue;  // The child may have got it, too.
    totals.Add(record.outcome());
    if (IsFailure(record.outcome()) && !failing.has_value()) {
      failing = std::move(record);
    }
    if (SecondsSince(begin) - printed < 60) continue;
    printed = SecondsSince(begin);
    totals.Print(printed);
  }
  totals.Print(SecondsSince(begin));
  return failing;
}

int RunMany(const Task& task) {
  const Folder folder;
  int signal = 0;
  const std::optional<SoakRecord> failing =
      RunUntilFailure(task, folder.path(), signal);
  if (!failing.has_value()) return signal == 0 ? 0 : 128 + signal;
  Explain(failing->case_(), failing->outcome(), folder.path());
  return 1;
}

int Main(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument != "--help") continue;
    absl::PrintF("%s", kUsage);
    return 0;
  }
  const absl::StatusOr<Task> task = ParseTask(arguments);
  if (!task.ok()) {
    absl::FPrintF(stderr, "soak: %s\n", task.status().message());
    return 2;
  }
  return task->json.empty() ? RunMany(*task) : RunOne(*task);
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) {
  return rct::Main(std::vector<std::string>(argv + (argc > 0), argv + argc));
}
