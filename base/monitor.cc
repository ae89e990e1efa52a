#include "base/monitor.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#include "absl/status/status.h"

namespace rct {
namespace {

constexpr std::chrono::milliseconds kInterval(50);

}  // namespace

Monitor::Monitor(Callback callback) : callback_(std::move(callback)) {}

Monitor::Part::Part(Monitor* monitor, Whole) : monitor_(monitor) {
  if (monitor == nullptr) return;
  if (monitor->depth_++ == 0) {
    monitor->caller_ = std::this_thread::get_id();
    monitor->from_ = 0;
    monitor->to_ = 1;
    monitor->steps_ = 0;
    monitor->reported_ = 0;
    monitor->due_ = Clock::time_point::min();
  }
  outer_to_ = monitor->to_;
  outer_steps_ = monitor->steps_;
  outer_done_ = monitor->done_.load(std::memory_order_relaxed);
}

// The delegated constructor completes the object: even if the callback throws
// here, the destructor runs and restores the monitor.
Monitor::Part::Part(Monitor* monitor, double share, int64_t steps)
    : Part(monitor, Whole()) {
  if (monitor == nullptr) return;
  monitor->to_ = monitor->from_ + share * (monitor->to_ - monitor->from_);
  monitor->steps_ = steps;
  monitor->done_.store(0, std::memory_order_relaxed);
  monitor->Advance(0);
}

Monitor::Part::~Part() {
  if (monitor_ == nullptr) return;
  monitor_->from_ = monitor_->to_;
  monitor_->to_ = outer_to_;
  monitor_->steps_ = outer_steps_;
  monitor_->done_.store(outer_done_, std::memory_order_relaxed);
  --monitor_->depth_;
}

absl::Status Monitor::Check(const Monitor* monitor) {
  return monitor != nullptr && monitor->cancelled()
             ? absl::CancelledError("cancelled")
             : absl::OkStatus();
}

bool Monitor::Report() {
  const Clock::time_point now = Clock::now();
  if (now < due_) return true;
  double done = from_;
  if (steps_ > 0) {
    const double part =
        static_cast<double>(done_.load(std::memory_order_relaxed)) /
        static_cast<double>(steps_);
    done += std::min(1.0, part) * (to_ - from_);
  }
  reported_ = std::clamp(done, reported_, 1.0);
  if (!callback_(reported_)) Cancel();
  due_ = Clock::now() + kInterval;
  return !cancelled();
}

}  // namespace rct
