#include "base/stop_signals.h"

#include <signal.h>

#include <cstddef>
#include <iterator>

namespace rct {
namespace {

volatile sig_atomic_t noted_signal = 0;

void Note(int signal) {
  if (noted_signal == 0) noted_signal = signal;
}

}  // namespace

StopSignals::StopSignals() {
  noted_signal = 0;
  struct sigaction note = {};
  note.sa_handler = Note;
  note.sa_flags = static_cast<int>(SA_RESETHAND);
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
