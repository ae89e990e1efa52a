// Helpers of the tests in experiments/.

#ifndef RCT_EXPERIMENTS_TEST_DATA_H_
#define RCT_EXPERIMENTS_TEST_DATA_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "base/matrix.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "traversal/neighbor_table.h"

namespace rct {

// Returns the message in text form that `text` holds, in which later fields
// replace earlier ones. The test fails if it holds none.
template <class Message>
Message ParseText(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(text, &message))
      << text;
  return message;
}

// Returns an empty folder for the running test alone.
std::string MakeTestFolder();

// Writes a folder of gold (parity/gold/gold.h) with one answer, of the name
// "answer".
void WriteTestGold(const std::string& folder, MatrixView<const double> points,
                   absl::Span<const int64_t> query_rows,
                   absl::Span<const int64_t> inducing_rows,
                   const NeighborTable& answer);

}  // namespace rct

#endif  // RCT_EXPERIMENTS_TEST_DATA_H_
