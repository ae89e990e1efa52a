#include "index/c/filter.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "index/c/arguments.h"
#include "index/c/call.h"
#include "index/c/rct.h"
#include "index/c/run.h"
#include "traversal/searcher.h"

namespace rct {

SearchOptions OptionsOf(const rct_filter* filter, const rct_run* run) {
  SearchOptions options;
  options.threads = ThreadsOf(run);
  if (filter == nullptr) return options;
  options.predecessor = filter->predecessor;
  options.exclude_self = filter->exclude_self;
  options.radius = filter->radius;
  options.allowed = absl::MakeConstSpan(
      filter->allowed.get(), static_cast<size_t>(filter->allowed_count));
  return options;
}

}  // namespace rct

rct_filter* rct_filter_new(void) { return rct::NewOrNull<rct_filter>(); }

void rct_filter_free(rct_filter* filter) { delete filter; }

int32_t rct_filter_set_predecessor(rct_filter* filter, int32_t predecessor,
                                   rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("filter", filter));
    filter->predecessor = predecessor != 0;
    return absl::OkStatus();
  });
}

int32_t rct_filter_set_exclude_self(rct_filter* filter, int32_t exclude_self,
                                    rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("filter", filter));
    filter->exclude_self = exclude_self != 0;
    return absl::OkStatus();
  });
}

int32_t rct_filter_set_radius(rct_filter* filter, double radius,
                              rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("filter", filter));
    if (std::isnan(radius)) {
      return absl::InvalidArgumentError("radius: is NaN; infinity is no limit");
    }
    filter->radius = radius;
    return absl::OkStatus();
  });
}

int32_t rct_filter_set_allowed(rct_filter* filter, const uint8_t* flags,
                               int64_t count, rct_error** error) {
  return rct::Answer(__func__, error, [&]() -> absl::Status {
    RCT_RETURN_IF_ERROR(rct::NotNull("filter", filter));
    RCT_ASSIGN_OR_RETURN(const absl::Span<const uint8_t> given,
                         rct::SpanAt("allowed", flags, count));
    auto allowed = std::make_unique<bool[]>(given.size());
    for (size_t i = 0; i < given.size(); ++i) allowed[i] = given[i] != 0;
    filter->allowed = std::move(allowed);
    filter->allowed_count = count;
    return absl::OkStatus();
  });
}
