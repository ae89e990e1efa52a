// How calls run: threads, progress and warnings.

#ifndef RCT_INDEX_C_RUN_H_
#define RCT_INDEX_C_RUN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/monitor.h"
#include "index/c/rct.h"

struct rct_run {
  int threads = 0;
  int64_t memory_limit_bytes = 0;
  rct_progress progress = nullptr;
  void* progress_user = nullptr;
  rct_warning warning = nullptr;
  void* warning_user = nullptr;
};

namespace rct {

// The monitor of one call: of the caller's progress callback, or none. `run`
// may be null.
class Watch {
 public:
  explicit Watch(const rct_run* run);

  Monitor* monitor() { return monitor_.has_value() ? &*monitor_ : nullptr; }

 private:
  std::optional<Monitor> monitor_;
};

// Returns the number of threads of a run that may be null, 0 for all.
int ThreadsOf(const rct_run* run);

// Returns the most bytes that an index may keep, 0 for no limit. `run` may be
// null.
int64_t MemoryLimitOf(const rct_run* run);

// Returns whether somebody hears warnings.
bool HearsWarnings(const rct_run* run);

// Passes each text to the caller, who hears warnings.
void Warn(const rct_run& run, const std::vector<std::string>& texts);

}  // namespace rct

#endif  // RCT_INDEX_C_RUN_H_
