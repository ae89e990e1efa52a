// A line on the terminal for anything that takes over two seconds.
//
//     Progress progress("factorising", num_blocks);
//     ParallelFor(threads, num_blocks, [&](int64_t block, int) {
//       ...
//       progress.Advance(1);
//     });
//
// shows, rewritten in place,
//
//     factorising: 120/512 23% 0:41 left
//
// on stderr. Nothing is printed unless stderr is a terminal, nor in the first
// two seconds, nor more than ten times a second; the end erases the line. The
// time left assumes that what remains goes at the mean rate so far.

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

  // Where the line goes and what time it is.
  struct Display {
    bool is_terminal = false;  // If not, only what Say says is shown.
    std::function<Clock::time_point()> now;
    std::function<void(std::string_view)> write;  // One call at a time.
  };

  // `total` steps are to come. The clock starts here.
  Progress(std::string label, int64_t total);
  Progress(std::string label, int64_t total, Display display);

  // Erases the line, if there is one.
  ~Progress();

  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // `steps` more are done. From any thread, without waiting for another. Costs
  // an atomic addition and a look at the clock, tens of nanoseconds; nothing if
  // stderr is no terminal.
  void Advance(int64_t steps);

  // Writes `line`, which has no end, as a line of its own above the one of the
  // progress; also where stderr is no terminal. From any thread.
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
