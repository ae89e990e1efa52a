// Protocol buffers in text form.

#ifndef RCT_BASE_TEXT_PROTO_H_
#define RCT_BASE_TEXT_PROTO_H_

#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace rct {

// Parses the file into `message` and returns its text. Returns InvalidArgument,
// with the file, line and column of the first mistake, if the text is no such
// message.
absl::StatusOr<std::string> ReadTextProto(const std::string& path,
                                          google::protobuf::Message& message);

// Returns the text form of `message`.
std::string WriteTextProto(const google::protobuf::Message& message);

}  // namespace rct

#endif  // RCT_BASE_TEXT_PROTO_H_
