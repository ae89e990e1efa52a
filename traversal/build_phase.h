// The phases of building an index, and their costs.

#ifndef RCT_TRAVERSAL_BUILD_PHASE_H_
#define RCT_TRAVERSAL_BUILD_PHASE_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rct {

struct BuildPhase {
  std::string name;
  double seconds = 0;
  int64_t distance_evaluations = 0;
  int64_t bytes = 0;  // that it made and the index keeps
  // The forecast of its cost, in evaluations of exhaustive search; 0 where
  // there is no forecast.
  int64_t forecast_evaluations = 0;
};

// Returns the sum over all phases.
inline int64_t DistanceEvaluations(const std::vector<BuildPhase>& phases) {
  int64_t sum = 0;
  for (const BuildPhase& phase : phases) sum += phase.distance_evaluations;
  return sum;
}

// Times phases one after the other.
class PhaseClock {
 public:
  // Ends the phase that began with the construction of the clock or with the
  // last call.
  void End(std::string name, int64_t distance_evaluations, int64_t bytes,
           int64_t forecast_evaluations = 0) {
    const auto now = std::chrono::steady_clock::now();
    phases_.push_back({std::move(name),
                       std::chrono::duration<double>(now - start_).count(),
                       distance_evaluations, bytes, forecast_evaluations});
    start_ = now;
  }

  std::vector<BuildPhase> Take() { return std::move(phases_); }

 private:
  std::chrono::steady_clock::time_point start_ =
      std::chrono::steady_clock::now();
  std::vector<BuildPhase> phases_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_BUILD_PHASE_H_
