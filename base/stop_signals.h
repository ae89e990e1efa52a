// The signals that ask a program to stop, as a question, so that work can end
// in order and leave nothing half-written.
//
//     const rct::StopSignals signals;
//     rct::Monitor monitor([&](double) { return signals.noted() == 0; });
//     ...
//     if (signals.noted() != 0) return 128 + signals.noted();

#ifndef RCT_BASE_STOP_SIGNALS_H_
#define RCT_BASE_STOP_SIGNALS_H_

#include <signal.h>

namespace rct {

// While one lives, the first SIGINT (Ctrl-C), SIGTERM or SIGHUP (a closed
// terminal) is noted, and one that comes more than half a second after it ends
// the process as ever: programs such as timeout(1) send a signal twice at once,
// and mean it once. A signal that is ignored, as under nohup, stays so. System
// calls that wait return with EINTR. One at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // The first signal that came, or 0.
  int noted() const;

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

  struct sigaction before_[3];
};

}  // namespace rct

#endif  // RCT_BASE_STOP_SIGNALS_H_
