// `rct join`: the parts of an answer, put together.

#ifndef RCT_TOOLS_RCT_JOIN_H_
#define RCT_TOOLS_RCT_JOIN_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tools/rct_answer.h"

namespace rct {

// A task, as arguments describe it.
struct JoinTask {
  std::vector<std::string> parts;  // files, in any order
  AnswerFiles files;
};

// Returns the task that `arguments` describe, or InvalidArgument with a message
// for the user.
absl::StatusOr<JoinTask> ParseJoinTask(absl::Span<const std::string> arguments);

std::string JoinHelp();

// Reads all parts (rct_part.h), checks that each of one search is there once,
// writes the files of the answer, with the bytes that one search of all queries
// would have written, and returns a report. Errors name the file; nothing is
// written then. Cancelled soon after `interrupted` returns true.
//
// Takes the memory of the answer and of the files of text or numbers that are
// made of it; the parts stay where they are, mapped.
absl::StatusOr<std::string> RunJoin(
    const JoinTask& task,
    const std::function<bool()>& interrupted = [] { return false; });

}  // namespace rct

#endif  // RCT_TOOLS_RCT_JOIN_H_
