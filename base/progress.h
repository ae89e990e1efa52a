// A line on the terminal for anything that takes over two seconds.
//
//     Progress progress("factorizing", num_chunks);
//     ParallelFor(threads, num_chunks, [&](int64_t chunk, int) {
//       ...
//       progress.Advance(1);
//     });
//
// shows, rewritten in place,
//
//     factorizing: 120/512 23% 0:41 left
//
// on stderr, at most ten times a second. Nothing is printed in the first two
// seconds, nor if stderr is not a terminal; the end erases the line. The time
// left assumes that the remaining steps go at the mean rate so far.

#ifndef RCT_BASE_PROGRESS_H_
#define RCT_BASE_PROGRESS_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace rct {

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  // The terminal and the clock, which tests replace.
  struct Display {
    bool is_terminal = false;  // false: only the lines of Say() are shown
    std::function<Clock::time_point()> now;
    std::function<void(std::string_view)> write;  // one call at a time
  };

  // Starts the clock of `total` steps to come.
  Progress(std::string label, int64_t total);
  Progress(std::string label, int64_t total, Display display);

  // Erases the line if it is shown.
  ~Progress();

  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Records `steps` finished steps. May be called by any thread and never waits
  // for another. Costs an atomic addition and a reading of the clock, tens of
  // nanoseconds; nothing if stderr is not a terminal.
  void Advance(int64_t steps);

  // Writes `line`, which has no line break, as a line of its own above the
  // progress, even if stderr is not a terminal. May be called by any thread.
  void Say(std::string_view line);

 private:
  std::string Line(Clock::time_point now) const;

  const std::string label_;
  const int64_t total_;
  const Display display_;
  const Clock::time_point start_;
  std::atomic<int64_t> done_{0};
  std::atomic<Clock::time_point> next_print_;
  std::mutex printing_;  // Guards shown_ and display_.write.
  bool shown_ = false;
};

}  // namespace rct

#endif  // RCT_BASE_PROGRESS_H_
