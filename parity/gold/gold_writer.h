// Makes gold with the oracle, and asks twice before it replaces any.

#ifndef RCT_PARITY_GOLD_GOLD_WRITER_H_
#define RCT_PARITY_GOLD_GOLD_WRITER_H_

#include <istream>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parity/gold/gold.h"

namespace rct {

// The whole contents of a folder of gold, its manifest with them, from a
// manifest and the three inputs it names: points, queries and inducing rows.
// Answers are computed anew; files, hashes and shapes that the manifest lacks
// are filled in, and what it says of the answers' is not looked at. DataLoss
// where it has an input's hash and the file another. Errors as LoadGold and
// OracleProblem.
absl::StatusOr<GoldFiles> MakeGold(const std::string& path, int num_threads);

// Writes those files whose contents in `folder` are others or missing, each
// atomically and the manifest last: until it is there LoadGold refuses what is
// half new.
//
// Where that replaces a file, `screen` shows what would change, and whoever is
// at `keyboard` has to answer two questions: "replace", and the beginning of a
// SHA-256 as it stands, which nobody types by accident. FailedPrecondition if
// `keyboard` is null, Aborted at any other answer; nothing has been written
// then.
absl::Status WriteGold(const GoldFiles& files, const std::string& folder,
                       std::istream* keyboard, std::ostream& screen);

}  // namespace rct

#endif  // RCT_PARITY_GOLD_GOLD_WRITER_H_
