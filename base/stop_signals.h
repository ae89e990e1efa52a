// Signals that ask a program to stop, turned into a question that the program
// asks, so that its work ends in order and leaves no file half written.
//
//     const rct::StopSignals signals;
//     rct::Monitor monitor([&](double) { return signals.noted() == 0; });
//     ...
//     if (signals.noted() != 0) return 128 + signals.noted();

#ifndef RCT_BASE_STOP_SIGNALS_H_
#define RCT_BASE_STOP_SIGNALS_H_

#include <signal.h>

namespace rct {

// While an object lives, the first SIGINT (Ctrl-C), SIGTERM or SIGHUP (a closed
// terminal) is noted. A signal that comes more than half a second later ends
// the process as usual; an earlier one does not, since programs such as
// timeout(1) send a signal twice at once and mean it once. A signal that is
// ignored, as under nohup, stays ignored. System calls that wait return with
// EINTR. Only one object may live at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // Returns the first signal that came, or 0.
  int noted() const;

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

  struct sigaction before_[3];
};

}  // namespace rct

#endif  // RCT_BASE_STOP_SIGNALS_H_
