// Calls of the library without the interpreter's lock.
//
//     const auto result = Unlocked([&](Monitor* monitor) {
//       return index.Search(rows, {.k = 10, .monitor = monitor});
//     });
//
// The main thread takes the lock some 20 times a second to see whether Ctrl-C
// was pressed; an exception that a signal's handler raises ends the call and is
// its error. Other threads get no signals and do not take the lock while they
// work.
//
// The end of the interpreter. Python does not wait for daemon threads: once it
// has begun to shut down, pthread_exit ends any thread that asks for the lock.
// That would unwind through C++ that does not expect it and abort the process.
// So before that (atexit) threads other than the main one can begin no more
// calls, their running calls are cancelled and end with SystemExit, and Python
// waits for them. That takes less than a second, unless a call is in the middle
// of a step that it cannot leave. After 10 seconds Python waits no longer; a
// thread whose call ends later than that stops forever, without the lock, until
// the process ends.
//
// In a child of fork() only the thread that forked exists: the child begins
// without calls.

#ifndef RCT_TOOLS_PYTHON_CALLS_H_
#define RCT_TOOLS_PYTHON_CALLS_H_

#include <pybind11/pybind11.h>

#include "base/monitor.h"

namespace rct {

// Makes the end of the interpreter wait for calls. Must be called once, when
// the module is imported.
void WatchTheEnd();

// A call of the library. The constructor releases the lock, or throws
// SystemExit where the interpreter is about to end; the destructor takes the
// lock again.
class UnlockedCall {
 public:
  UnlockedCall();
  ~UnlockedCall();
  UnlockedCall(const UnlockedCall&) = delete;
  UnlockedCall& operator=(const UnlockedCall&) = delete;

  Monitor* monitor() { return &monitor_; }

 private:
  // Runs the handlers of signals; returns false if one of them raised
  // something.
  bool CheckSignals();

  const bool in_main_thread_;
  Monitor monitor_;
  PyThreadState* thread_;
};

// Returns the result of call(monitor). Where a signal's handler has raised
// something, Python's error is set, and ThrowUnlessOk throws it.
template <class Call>
auto Unlocked(Call call) {
  UnlockedCall unlocked;
  return call(unlocked.monitor());
}

}  // namespace rct

#endif  // RCT_TOOLS_PYTHON_CALLS_H_
