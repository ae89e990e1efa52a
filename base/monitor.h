// Long work as its caller sees it: how much is done, and an end to it.
//
//     rct::Monitor monitor([&](double done) {
//       Show(done);            // from 0 to 1, never less than before
//       return !interrupted;   // false: stop
//     });
//     auto result = index.Search(rows, {.k = 10, .monitor = &monitor});
//     // absl::CancelledError, soon after the callback has returned false
//
// The callback is called by the thread that makes the call, when the call
// begins and then at most every 50 milliseconds: it needs no lock and may touch
// what that thread may touch. What it throws comes out of that call. A monitor
// watches one call at a time; a later call begins at 0 again, but what is
// cancelled stays so.
//
// The fraction is an estimate, of work and not of time: what cannot be known
// before it is done, as how far bounds will reach, is given a share by rule.
//
// Work, for its part, says what it is made of and asks whether to go on, with
// null where nobody watches, which costs a comparison:
//
//     const Monitor::Part part(monitor, /*share=*/0.8, /*steps=*/num_tasks);
//     ...
//     if (!Monitor::Go(monitor)) return;   // in any thread, in inner loops
//     ...
//     Monitor::Go(monitor, 1);             // a step is done
//
// What stops early leaves its results half made, and they are to be dropped by
// whoever sees cancelled(). With a monitor Go() costs an atomic load; with
// steps, an atomic addition; in the caller's thread, a look at the clock.

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

  // As if the callback had returned false. From any thread, or from a signal's
  // handler.
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  // `share` of what the part around it has left, or of the whole; it is done in
  // `steps`, or by the parts within it. Made and destroyed, last first, by the
  // thread that makes the call, while no other works.
  class Part {
   public:
    explicit Part(Monitor* monitor, double share = 1, int64_t steps = 0);
    ~Part();
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

   private:
    struct Whole {};
    // All that is left, in no steps; nothing is reported.
    Part(Monitor* monitor, Whole);

    Monitor* const monitor_;
    double outer_to_ = 1;
    int64_t outer_steps_ = 0;
    int64_t outer_done_ = 0;
  };

  // So many steps of the part are done. Whether the work is to go on.
  static bool Go(Monitor* monitor, int64_t steps = 0) {
    return monitor == nullptr || monitor->Advance(steps);
  }

  // OK, or Cancelled.
  static absl::Status Check(const Monitor* monitor);

 private:
  using Clock = std::chrono::steady_clock;

  bool Advance(int64_t steps) {
    if (steps > 0) done_.fetch_add(steps, std::memory_order_relaxed);
    if (cancelled()) return false;
    return std::this_thread::get_id() != caller_ || Report();
  }
  // Calls back if it is time.
  bool Report();

  const Callback callback_;
  std::atomic<bool> cancelled_ = false;
  std::atomic<int64_t> done_ = 0;  // steps of the part

  // Touched by the caller's thread alone, but for caller_, which others read
  // while it stays.
  std::thread::id caller_;
  int depth_ = 0;
  double from_ = 0;  // the part that is being done, of the whole
  double to_ = 1;
  int64_t steps_ = 0;
  double reported_ = 0;
  Clock::time_point due_;
};

}  // namespace rct

#endif  // RCT_BASE_MONITOR_H_
