// Protocol buffers in text form, to and from files.

#ifndef RCT_BASE_TEXT_PROTO_H_
#define RCT_BASE_TEXT_PROTO_H_

#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace rct {

// Parses the file into `message` and returns its text. InvalidArgument, naming
// the file, line and column of the first mistake.
absl::StatusOr<std::string> ReadTextProto(const std::string& path,
                                          google::protobuf::Message& message);

std::string WriteTextProto(const google::protobuf::Message& message);

}  // namespace rct

#endif  // RCT_BASE_TEXT_PROTO_H_
