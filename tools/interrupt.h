// Ctrl-C as a question, so that work can end in order.

#ifndef RCT_TOOLS_INTERRUPT_H_
#define RCT_TOOLS_INTERRUPT_H_

#include <signal.h>

namespace rct {

// While one lives, the first SIGINT is noted, and a second one ends the process
// as ever. Where the signal is ignored it stays so. One at a time.
class InterruptNote {
 public:
  InterruptNote();
  ~InterruptNote();
  InterruptNote(const InterruptNote&) = delete;
  InterruptNote& operator=(const InterruptNote&) = delete;

  bool interrupted() const;

 private:
  struct sigaction before_;
};

}  // namespace rct

#endif  // RCT_TOOLS_INTERRUPT_H_
