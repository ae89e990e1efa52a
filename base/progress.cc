#include "base/progress.h"

#include <stdio.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace rct {
namespace {

constexpr std::chrono::seconds kQuiet(2);
constexpr std::chrono::milliseconds kInterval(100);

// Carriage return, and ECMA-48's "erase to the end of the line".
constexpr std::string_view kEraseLine = "\r\x1b[K";

std::string FormatMinutes(double seconds) {
  const int64_t whole = static_cast<int64_t>(seconds);
  const int64_t minutes = whole / 60;
  if (minutes < 60) return absl::StrFormat("%d:%02d", minutes, whole % 60);
  return absl::StrFormat("%d:%02d:%02d", minutes / 60, minutes % 60,
                         whole % 60);
}

Progress::Display StandardError() {
  return {
      .is_terminal = isatty(STDERR_FILENO) == 1,
      .now = Progress::Clock::now,
      .write =
          [](std::string_view text) {
            fwrite(text.data(), 1, text.size(), stderr);
          },
  };
}

}  // namespace

Progress::Progress(std::string label, int64_t total)
    : Progress(std::move(label), total, StandardError()) {}

Progress::Progress(std::string label, int64_t total, Display display)
    : label_(std::move(label)),
      total_(total),
      display_(std::move(display)),
      start_(display_.now()),
      next_print_(start_ + kQuiet) {}

Progress::~Progress() {
  if (shown_) display_.write(kEraseLine);
}

void Progress::Advance(int64_t steps) {
  if (!display_.is_terminal) return;
  done_.fetch_add(steps, std::memory_order_relaxed);
  const Clock::time_point now = display_.now();
  Clock::time_point due = next_print_.load(std::memory_order_relaxed);
  // The thread that moves the due time prints, unless a slow terminal still
  // holds the thread before it.
  if (now < due || !next_print_.compare_exchange_strong(due, now + kInterval)) {
    return;
  }
  const std::unique_lock<std::mutex> lock(printing_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  display_.write(Line(now));
  shown_ = true;
}

void Progress::Say(std::string_view line) {
  const std::lock_guard<std::mutex> lock(printing_);
  display_.write(absl::StrCat(shown_ ? kEraseLine : "", line, "\n"));
  shown_ = false;
}

std::string Progress::Line(Clock::time_point now) const {
  const int64_t done = done_.load(std::memory_order_relaxed);
  std::string line = absl::StrCat(kEraseLine, label_, ": ", done, "/", total_);
  if (done > 0 && total_ > 0) {
    const double fraction =
        static_cast<double>(done) / static_cast<double>(total_);
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    absl::StrAppend(&line, " ", static_cast<int>(100 * fraction), "% ",
                    FormatMinutes(elapsed * (1 - fraction) / fraction),
                    " left");
  }
  return line;
}

}  // namespace rct
