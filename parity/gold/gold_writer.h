// Makes gold with the oracle, and asks twice before it replaces a file.

#ifndef RCT_PARITY_GOLD_GOLD_WRITER_H_
#define RCT_PARITY_GOLD_GOLD_WRITER_H_

#include <istream>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "parity/gold/gold.h"

namespace rct {

// Returns the whole contents of a folder of gold, the manifest included, made
// from a manifest and the three inputs that it names: points, queries and
// inducing rows. Answers are computed anew, and so are their hashes and shapes;
// files, hashes and shapes of inputs that the manifest lacks are filled in.
// Returns DataLoss where the hash of an input is not that of the manifest, and
// the errors of LoadGold and OracleProblem.
absl::StatusOr<GoldFiles> MakeGold(const std::string& path, int num_threads);

// Writes the files that are missing in `folder` or differ there, each one
// atomically and the manifest last: until then LoadGold refuses the
// half-written folder.
//
// Where a file would be replaced, `screen` shows the changes, and the user at
// `keyboard` has to type two answers: "replace", and the beginning of the old
// SHA-256, which nobody types by accident. Returns FailedPrecondition if
// `keyboard` is null and Aborted at any other answer, with nothing written.
absl::Status WriteGold(const GoldFiles& files, const std::string& folder,
                       std::istream* keyboard, std::ostream& screen);

}  // namespace rct

#endif  // RCT_PARITY_GOLD_GOLD_WRITER_H_
