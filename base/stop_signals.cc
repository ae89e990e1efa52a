#include "base/stop_signals.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include <cstddef>
#include <iterator>

namespace rct {
namespace {

constexpr double kTwiceAtOnce = 0.5;  // seconds

volatile sig_atomic_t noted_signal = 0;
timespec noted_time;  // of the first signal; only the handler uses it

double SecondsSince(const timespec& before) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec - before.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec - before.tv_nsec);
}

// Notes a signal. Calls only functions that a handler may call
// (signal-safety(7)).
void Note(int signal_number) {
  const int error = errno;
  if (noted_signal == 0) {
    noted_signal = signal_number;
    clock_gettime(CLOCK_MONOTONIC, &noted_time);
  } else if (SecondsSince(noted_time) > kTwiceAtOnce) {
    signal(signal_number, SIG_DFL);
    raise(signal_number);
  }
  errno = error;
}

}  // namespace

StopSignals::StopSignals() {
  noted_signal = 0;
  struct sigaction note = {};
  note.sa_handler = Note;
  for (const int one : kSignals) sigaddset(&note.sa_mask, one);
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], nullptr, &before_[i]);
    if (before_[i].sa_handler == SIG_IGN) continue;
    sigaction(kSignals[i], &note, nullptr);
  }
}

StopSignals::~StopSignals() {
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], &before_[i], nullptr);
  }
}

int StopSignals::noted() const { return noted_signal; }

}  // namespace rct
