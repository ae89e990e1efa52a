// Handles of the C interface that free themselves, for tests.

#ifndef RCT_INDEX_C_TEST_HANDLES_H_
#define RCT_INDEX_C_TEST_HANDLES_H_

#include <cstdint>
#include <memory>
#include <string>

#include "index/c/rct.h"

namespace rct {

// Frees a handle by a function of C.
template <auto free>
struct FreeBy {
  template <class Handle>
  void operator()(Handle* handle) const {
    free(handle);
  }
};

using CRun = std::unique_ptr<rct_run, FreeBy<rct_run_free>>;
using CConfig = std::unique_ptr<rct_config, FreeBy<rct_config_free>>;
using CIndex = std::unique_ptr<rct_index, FreeBy<rct_index_free>>;
using CFilter = std::unique_ptr<rct_filter, FreeBy<rct_filter_free>>;
using CRanges = std::unique_ptr<rct_ranges, FreeBy<rct_ranges_free>>;
using COrdering = std::unique_ptr<rct_ordering, FreeBy<rct_ordering_free>>;
using CModel = std::unique_ptr<rct_model, FreeBy<rct_model_free>>;

// What a call said: its code, and the message of the error that it made, whose
// code is the same.
struct Said {
  int32_t code;
  std::string message;
};

// Returns what call(rct_error**) said.
template <class Call>
Said Say(Call call) {
  rct_error* error = nullptr;
  Said said = {call(&error), rct_error_message(error)};
  if (rct_error_code(error) != said.code) said.message = "codes differ";
  rct_error_free(error);
  return said;
}

}  // namespace rct

#endif  // RCT_INDEX_C_TEST_HANDLES_H_
