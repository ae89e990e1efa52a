#include "tools/interrupt.h"

#include <signal.h>

namespace rct {
namespace {

volatile sig_atomic_t noted = 0;

void Note(int) { noted = 1; }

}  // namespace

InterruptNote::InterruptNote() {
  noted = 0;
  sigaction(SIGINT, nullptr, &before_);
  if (before_.sa_handler == SIG_IGN) return;
  struct sigaction note = {};
  note.sa_handler = Note;
  note.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &note, nullptr);
}

InterruptNote::~InterruptNote() { sigaction(SIGINT, &before_, nullptr); }

bool InterruptNote::interrupted() const { return noted != 0; }

}  // namespace rct
