// The flags of a command, --name=value, each with a place that takes its value.
//
//     FlagSet flags;
//     flags.Text("points", &task.points);
//     flags.Integer("k", 1, kMaxNeighbors, &k);
//     flags.Switch("predecessor", &task.search.predecessor);
//     RCT_ASSIGN_OR_RETURN(std::vector<std::string> rest,
//     flags.Parse(arguments));
//
// Nothing is ignored: a flag that does not exist (the nearest name is offered),
// a flag that comes twice, a value that is missing, malformed or out of range
// is an error that names the flag. `--name value` is taken as well. Numbers are
// read the same way in every locale.

#ifndef RCT_TOOLS_RCT_FLAGS_H_
#define RCT_TOOLS_RCT_FLAGS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace rct {

class FlagSet {
 public:
  // Off unless given; takes no value.
  void Switch(std::string name, bool* on);

  // Not empty.
  void Text(std::string name, std::string* value);

  // From `least` to `most`.
  void Integer(std::string name, int64_t least, int64_t most,
               std::optional<int64_t>* value);

  // Positive and finite; one, or several with commas between them.
  void Positive(std::string name, std::optional<double>* value);
  void Positives(std::string name, std::vector<double>* values);

  // One of `names`, in any case of letters; `value` is its place among them.
  void Choice(std::string name, std::vector<std::string> names,
              std::optional<int>* value);

  // Without their dashes, sorted.
  std::vector<std::string> names() const;

  // Stores the value of every flag and returns the arguments that are none.
  // InvalidArgument, naming the flag; some values may have been stored then.
  absl::StatusOr<std::vector<std::string>> Parse(
      absl::Span<const std::string> arguments);

  // Returns the value of flag `name` as it was written ("" of a switch), or
  // null where no call of Parse has found the flag.
  const std::string* Given(std::string_view name) const;

 private:
  struct Flag {
    bool is_switch = false;
    // The error without the flag's name.
    std::function<absl::Status(std::string_view)> store;
  };

  std::map<std::string, Flag> flags_;
  std::map<std::string, std::string, std::less<>> given_;
};

// The end of a message about a name that does not exist: "; did you mean B?",
// where `name` is but a slip away from B, the nearest of `names`; else nothing.
// B is shown with `before` in front.
std::string DidYouMean(std::string_view name,
                       absl::Span<const std::string> names,
                       std::string_view before);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_FLAGS_H_
