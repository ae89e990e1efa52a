#include "tools/mpi/rank_signals.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <string_view>

#include "tools/mpi/file_guard.h"

namespace rct {
namespace {

// Whoever leaves kRunning first, decides: MPI has threads of its own, in which
// handlers run as well.
enum State { kRunning, kEnding, kIgnoring };
std::atomic<int> state = kRunning;
static_assert(std::atomic<int>::is_always_lock_free);

FileGuard* guard_of_files = nullptr;

// Calls only functions that a handler may call (signal-safety(7)).
void End(int number) {
  int running = kRunning;
  if (!state.compare_exchange_strong(running, kEnding)) return;
  constexpr std::string_view kText =
      "rct_mpi graph: interrupted, or another rank has ended; nothing is "
      "written\n";
  if (write(STDERR_FILENO, kText.data(), kText.size()) < 0) {
    // Nobody is there to read it.
  }
  guard_of_files->End();
  _exit(128 + number);
}

}  // namespace

void EndOnSignals(FileGuard& guard) {
  guard_of_files = &guard;
  struct sigaction end = {};
  end.sa_handler = End;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before;
    sigaction(number, nullptr, &before);
    if (before.sa_handler != SIG_IGN) sigaction(number, &end, nullptr);
  }
}

void IgnoreSignals() {
  int running = kRunning;
  if (state.compare_exchange_strong(running, kIgnoring)) return;
  while (running == kEnding) pause();
}

}  // namespace rct
