#include "tools/mpi/rank_machine.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "index/distributed/communicator.h"

namespace rct {
namespace {

// Returns the name of the host and the processors that this process may use.
std::string Place() {
  cpu_set_t processors;
  CPU_ZERO(&processors);
  sched_getaffinity(0, sizeof(processors), &processors);
  return absl::StrCat(
      HostName(), "\n",
      std::string_view(reinterpret_cast<const char*>(&processors),
                       sizeof(processors)));
}

bool IsTerminal(const std::string& path) {
  const int fd =
      open(path.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  const bool is_terminal = isatty(fd) == 1;
  close(fd);
  return is_terminal;
}

}  // namespace

std::string HostName() {
  char name[256] = "";
  gethostname(name, sizeof(name) - 1);
  return name;
}

int ThreadsOfRank(Communicator& ranks) {
  const std::string own = Place();
  const std::vector<std::string> all = ranks.Gather(own);
  const auto here = static_cast<int>(std::count(all.begin(), all.end(), own));
  return std::max(1, HardwareThreads() / here);
}

int64_t PeakMemoryBytes() {
  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

Progress::Display LauncherDisplay() {
  return {
      .is_terminal = isatty(STDERR_FILENO) == 1 ||
                     IsTerminal(absl::StrCat("/proc/", getppid(), "/fd/2")),
      .now = Progress::Clock::now,
      .write =
          [](std::string_view text) {
            std::fwrite(text.data(), 1, text.size(), stderr);
            std::fflush(stderr);
          },
  };
}

}  // namespace rct
