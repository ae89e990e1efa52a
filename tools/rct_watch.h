// Progress of a command on the terminal.

#ifndef RCT_TOOLS_RCT_WATCH_H_
#define RCT_TOOLS_RCT_WATCH_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "base/monitor.h"
#include "base/progress.h"

namespace rct {

// Says whether the user wants the command to stop.
using Interrupted = std::function<bool()>;

// A monitor that shows the progress of a step on the terminal and cancels it
// when the user interrupts.
class Watch {
 public:
  // Shows progress as a number up to `total`.
  Watch(std::string label, int64_t total, const Interrupted& interrupted)
      : total_(total),
        interrupted_(interrupted),
        progress_(std::move(label), total),
        monitor_([this](double done) { return Show(done); }) {}

  Monitor* monitor() { return &monitor_; }

 private:
  bool Show(double done) {
    const auto steps = static_cast<int64_t>(done * static_cast<double>(total_));
    progress_.Advance(steps - std::exchange(shown_, steps));
    return !interrupted_();
  }

  const int64_t total_;
  const Interrupted& interrupted_;
  int64_t shown_ = 0;
  Progress progress_;
  Monitor monitor_;
};

}  // namespace rct

#endif  // RCT_TOOLS_RCT_WATCH_H_
