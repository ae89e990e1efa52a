// Progress and cancellation of long work.
//
//     rct::Monitor monitor([&](double done) {
//       Show(done);            // from 0 to 1, never less than before
//       return !interrupted;   // false: stop
//     });
//     auto result = index.Search(rows, {.k = 10, .monitor = &monitor});
//     // absl::CancelledError, soon after the callback has returned false
//
// The thread that makes the call runs the callback, when the call begins and
// then at most every 50 milliseconds, so that the callback needs no lock and
// may use all that this thread may use. The call passes its exceptions on. A
// monitor watches one call at a time. A later call begins at 0 again, but a
// cancelled monitor stays cancelled.
//
// The fraction is an estimate of work and not of time: work that cannot be
// known before it is done, as the reach of bounds, has a fixed share.
//
// The work itself declares its parts and their steps and asks whether to go on.
// The monitor is null if nobody watches, which costs a comparison:
//
//     const Monitor::Part part(monitor, /*share=*/0.8, /*steps=*/num_tasks);
//     ...
//     if (!Monitor::Go(monitor)) return;   // in any thread, in inner loops
//     ...
//     Monitor::Go(monitor, 1);             // a step is done
//
// Work that stops early leaves its results incomplete; the code that sees
// cancelled() drops them. With a monitor Go() costs an atomic load; with steps,
// an atomic addition; in the caller's thread, a reading of the clock.

#ifndef RCT_BASE_MONITOR_H_
#define RCT_BASE_MONITOR_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

#include "absl/status/status.h"

namespace rct {

class Monitor {
 public:
  using Callback = std::function<bool(double done)>;

  explicit Monitor(Callback callback);

  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // Cancels the work as if the callback had returned false. May be called by
  // any thread and by a signal handler.
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  // A part of the work: the fraction `share` of all that its enclosing part, or
  // the whole work, has left. It consists of `steps`, or of the parts within
  // it. Parts are made and destroyed, last first, by the thread that makes the
  // call, while no other thread works.
  class Part {
   public:
    explicit Part(Monitor* monitor, double share = 1, int64_t steps = 0);
    ~Part();
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

   private:
    struct Whole {};
    // Makes a part of all that is left, without steps, and reports nothing.
    Part(Monitor* monitor, Whole);

    Monitor* const monitor_;
    double outer_to_ = 1;
    int64_t outer_steps_ = 0;
    int64_t outer_done_ = 0;
  };

  // Records `steps` finished steps of the current part; returns false if the
  // work must stop.
  static bool Go(Monitor* monitor, int64_t steps = 0) {
    return monitor == nullptr || monitor->Advance(steps);
  }

  // Returns Cancelled if `monitor`, which may be null, is cancelled, else OK.
  static absl::Status Check(const Monitor* monitor);

 private:
  using Clock = std::chrono::steady_clock;

  bool Advance(int64_t steps) {
    if (steps > 0) done_.fetch_add(steps, std::memory_order_relaxed);
    if (cancelled()) return false;
    return std::this_thread::get_id() != caller_ || Report();
  }
  // Runs the callback if it is due; returns false if the work must stop.
  bool Report();

  const Callback callback_;
  std::atomic<bool> cancelled_ = false;
  std::atomic<int64_t> done_ = 0;  // finished steps of the current part

  // Only the caller's thread uses the rest. Other threads read caller_, which
  // does not change while they run.
  std::thread::id caller_;
  int depth_ = 0;    // number of parts that are open
  double from_ = 0;  // fraction of the work before the current part ...
  double to_ = 1;    // ... and with it
  int64_t steps_ = 0;
  double reported_ = 0;
  Clock::time_point due_;
};

}  // namespace rct

#endif  // RCT_BASE_MONITOR_H_
