#include "tools/python/calls.h"

#include <pybind11/pybind11.h>
#include <unistd.h>

#include <cstdint>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/monitor.h"
#include "tools/python/errors.h"

namespace rct {
namespace {

namespace py = pybind11;

constexpr absl::Duration kMaxWait = absl::Seconds(10);

// The calls of threads other than the main one. A call runs, then waits for the
// interpreter's lock, and then ends.
class Calls {
 public:
  // Begins a call; returns false where none may begin.
  bool Begin(Monitor* monitor) {
    const absl::MutexLock lock(&mutex_);
    if (ending_) return false;
    running_.insert(monitor);
    return true;
  }

  // Must be called before the call asks for the interpreter's lock. Does not
  // return where the lock is no longer to be had.
  void Return(Monitor* monitor) {
    {
      const absl::MutexLock lock(&mutex_);
      if (!ended_) {
        running_.erase(monitor);
        ++returning_;
        return;
      }
    }
    while (true) pause();
  }

  // Ends a call. Assumes that it has the interpreter's lock.
  void End() {
    const absl::MutexLock lock(&mutex_);
    --returning_;
  }

  // Cancels all calls and waits for them. Assumes that the caller does not have
  // the interpreter's lock, which they need.
  void EndAll() {
    const absl::MutexLock lock(&mutex_);
    ending_ = true;
    for (Monitor* monitor : running_) monitor->Cancel();
    mutex_.AwaitWithTimeout(absl::Condition(this, &Calls::none_running),
                            kMaxWait);
    ended_ = true;
    mutex_.Await(absl::Condition(this, &Calls::none_returning));
  }

 private:
  bool none_running() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return running_.empty();
  }
  bool none_returning() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return returning_ == 0;
  }

  absl::Mutex mutex_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<Monitor*> running_ ABSL_GUARDED_BY(mutex_);
  int returning_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Never destroyed, since calls may end while the process does. Only fork()
// changes the pointer, in a process of one thread.
Calls* calls = new Calls;

bool InMainThread() {
  const py::module_ threading = py::module_::import("threading");
  const py::object main = threading.attr("main_thread")();
  return main.attr("ident").cast<uint64_t>() == PyThread_get_thread_ident();
}

}  // namespace

void WatchTheEnd() {
  py::module_::import("atexit").attr("register")(py::cpp_function([] {
    const py::gil_scoped_release release;
    calls->EndAll();
  }));
  py::module_::import("os").attr("register_at_fork")(
      py::arg("after_in_child") = py::cpp_function([] { calls = new Calls; }));
}

UnlockedCall::UnlockedCall()
    : in_main_thread_(InMainThread()),
      monitor_([this](double) { return CheckSignals(); }) {
  if (!in_main_thread_ && !calls->Begin(&monitor_)) {
    Raise(PyExc_SystemExit, "the interpreter is about to end");
  }
  thread_ = PyEval_SaveThread();
}

UnlockedCall::~UnlockedCall() {
  if (!in_main_thread_) calls->Return(&monitor_);
  PyEval_RestoreThread(thread_);
  if (!in_main_thread_) calls->End();
}

bool UnlockedCall::CheckSignals() {
  if (!in_main_thread_) return true;
  PyEval_RestoreThread(thread_);
  const bool none = PyErr_CheckSignals() == 0;
  thread_ = PyEval_SaveThread();
  return none;
}

}  // namespace rct
