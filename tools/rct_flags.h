// The flags of a command, --name=value, each with a variable for its value.
//
//     FlagSet flags;
//     flags.Text("points", &task.points);
//     flags.Integer("k", 1, kMaxRows, &k);
//     flags.Switch("predecessor", &task.search.predecessor);
//     absl::StatusOr<std::vector<std::string>> rest = flags.Parse(arguments);
//
// Nothing is ignored: a flag that does not exist (the error offers the nearest
// name) or is given twice, and a value that is missing, malformed or out of
// range, are errors that name the flag. `--name value` is accepted as well.
// Numbers are read the same way in every locale.

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

// A set of flags. The variables must outlive the calls of Parse.
class FlagSet {
 public:
  // Declares a flag without a value, which sets `on` to true.
  void Switch(std::string name, bool* on);

  // Declares a flag whose value is any text but the empty one.
  void Text(std::string name, std::string* value);

  // Declares a flag whose value is an integer from `min` to `max`.
  void Integer(std::string name, int64_t min, int64_t max,
               std::optional<int64_t>* value);

  // Declares a flag whose value is a positive and finite number.
  void Positive(std::string name, std::optional<double>* value);

  // Declares a flag whose value is a number of bytes > 0 with its unit, as 4GiB
  // or 500MB.
  void Bytes(std::string name, int64_t* value);

  // Declares a flag whose value is a positive and finite number, or several
  // with commas between them.
  void Positives(std::string name, std::vector<double>* values);

  // Declares a flag whose value is one text or several with commas between
  // them, none empty. One that holds a comma is put in double quotes.
  void Names(std::string name, std::vector<std::string>* values);

  // Declares a flag whose value is one of `names`, in any case of letters;
  // `value` becomes its position among them.
  void Choice(std::string name, std::vector<std::string> names,
              std::optional<int>* value);

  // Returns the names of all flags without their dashes, sorted.
  std::vector<std::string> names() const;

  // Stores the values of the flags among `arguments` and returns the other
  // arguments. Errors are InvalidArgument and name the flag; some values may
  // have been stored then.
  absl::StatusOr<std::vector<std::string>> Parse(
      absl::Span<const std::string> arguments);

  // Returns the value of flag `name` as it was written ("" for a switch), or
  // null where the last call of Parse has not found the flag.
  const std::string* Given(std::string_view name) const;

 private:
  struct Flag {
    bool is_switch = false;
    // Stores a value, or returns an error without the flag's name.
    std::function<absl::Status(std::string_view)> store;
  };

  std::map<std::string, Flag> flags_;
  std::map<std::string, std::string, std::less<>> given_;
};

// Returns the end of a message about a name that does not exist: "; did you
// mean B?" where `name` resembles B, the nearest of `names`, and else "". B is
// shown with `before` in front.
std::string DidYouMean(std::string_view name,
                       absl::Span<const std::string> names,
                       std::string_view before);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_FLAGS_H_
