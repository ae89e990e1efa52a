#include "index/c/run.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/status_macros.h"
#include "index/c/arguments.h"
#include "index/c/call.h"
#include "index/c/rct.h"
#include "index/validation.h"

namespace rct {

Watch::Watch(const rct_run* run) {
  if (run == nullptr || run->progress == nullptr) return;
  monitor_.emplace([progress = run->progress, user = run->progress_user](
                       double done) { return progress(done, user) == 0; });
}

int ThreadsOf(const rct_run* run) { return run == nullptr ? 0 : run->threads; }

int64_t MemoryLimitOf(const rct_run* run) {
  return run == nullptr ? 0 : run->memory_limit_bytes;
}

bool HearsWarnings(const rct_run* run) {
  return run != nullptr && run->warning != nullptr;
}

void Warn(const rct_run& run, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    run.warning(text.c_str(), run.warning_user);
  }
}

}  // namespace rct

rct_run* rct_run_new(void) { return rct::NewOrNull<rct_run>(); }

void rct_run_free(rct_run* run) { delete run; }

int32_t rct_run_set_threads(rct_run* run, int32_t threads, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("run", run));
    RCT_RETURN_IF_ERROR(rct::ValidateThreads(threads));
    run->threads = threads;
    return absl::OkStatus();
  });
}

int32_t rct_run_set_memory_limit_bytes(rct_run* run, int64_t bytes,
                                       rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("run", run));
    RCT_RETURN_IF_ERROR(rct::ValidateMemoryLimit(bytes));
    run->memory_limit_bytes = bytes;
    return absl::OkStatus();
  });
}

int32_t rct_run_set_progress(rct_run* run, rct_progress progress, void* user,
                             rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("run", run));
    run->progress = progress;
    run->progress_user = user;
    return absl::OkStatus();
  });
}

int32_t rct_run_set_warning(rct_run* run, rct_warning warning, void* user,
                            rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("run", run));
    run->warning = warning;
    run->warning_user = user;
    return absl::OkStatus();
  });
}
