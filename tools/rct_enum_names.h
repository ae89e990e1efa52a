// The values of flags that stand for an enum of a config.

#ifndef RCT_TOOLS_RCT_ENUM_NAMES_H_
#define RCT_TOOLS_RCT_ENUM_NAMES_H_

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "google/protobuf/descriptor.h"

namespace rct {

// The values that a flag for an enum accepts: the names in lower case and their
// numbers, without number 0, which means "not given".
struct EnumNames {
  explicit EnumNames(const google::protobuf::EnumDescriptor& descriptor) {
    for (int i = 0; i < descriptor.value_count(); ++i) {
      if (descriptor.value(i)->number() == 0) continue;
      names.push_back(absl::AsciiStrToLower(descriptor.value(i)->name()));
      numbers.push_back(descriptor.value(i)->number());
    }
  }
  std::vector<std::string> names;
  std::vector<int> numbers;
};

}  // namespace rct

#endif  // RCT_TOOLS_RCT_ENUM_NAMES_H_
