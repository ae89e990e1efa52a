// Calls of the library without the interpreter's lock.
//
//     const auto result = Unlocked([&](Monitor* monitor) {
//       return index.Search(rows, {.k = 10, .monitor = monitor});
//     });
//
// The main thread takes the lock some 20 times a second to see whether Ctrl-C
// was pressed; what a signal's handler raises ends the call and is its error.
// Other threads get no signals, and do not take the lock while they work.
//
// The end of the interpreter. Python does not wait for daemon threads: as soon
// as it has begun to take itself down, a thread that asks for the lock is ended
// by pthread_exit, which would unwind through C++ that does not expect it and
// abort the process. So before that (atexit) no call begins any more in threads
// other than the main one, those under way are cancelled and come back with
// SystemExit, and Python waits until they have. That takes less than a second
// but where a call is in the middle of something that it cannot leave; one that
// is not back after 10 seconds is waited for no longer, and if it comes back
// later, its thread stops for ever, without the lock, until the process ends.
//
// A child of fork() has the thread that forked alone: it begins with no calls.

#ifndef RCT_TOOLS_PYTHON_CALLS_H_
#define RCT_TOOLS_PYTHON_CALLS_H_

#include <pybind11/pybind11.h>

#include "base/monitor.h"

namespace rct {

// Makes the end of the interpreter wait for calls. Once, when the module is
// imported.
void WatchTheEnd();

// One call: the lock is released when it is made, and taken again when it is
// destroyed. SystemExit where no call may begin any more.
class UnlockedCall {
 public:
  UnlockedCall();
  ~UnlockedCall();
  UnlockedCall(const UnlockedCall&) = delete;
  UnlockedCall& operator=(const UnlockedCall&) = delete;

  Monitor* monitor() { return &monitor_; }

 private:
  // Whether the call is to go on, as far as signals are concerned.
  bool CheckSignals();

  const bool in_main_thread_;
  Monitor monitor_;
  PyThreadState* thread_;
};

// What call(monitor) returns. Where a signal's handler has raised something,
// the error is set (ThrowUnlessOk throws it).
template <class Call>
auto Unlocked(Call call) {
  UnlockedCall unlocked;
  return call(unlocked.monitor());
}

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_CALLS_H_
