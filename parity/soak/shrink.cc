#include "parity/soak/shrink.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "parity/soak/soak.pb.h"

namespace rct {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

class Shrinker {
 public:
  Shrinker(SoakCase failing, absl::FunctionRef<bool(const SoakCase&)> fails)
      : case_(std::move(failing)), fails_(fails) {}

  SoakCase Run() {
    do {
      changed_ = false;
      ShrinkRepeated(case_, *Field(case_, "step"));
      ShrinkSizes();
      ShrinkMessage(case_);
    } while (changed_);
    return std::move(case_);
  }

 private:
  static const FieldDescriptor* Field(const Message& message,
                                      const std::string& name) {
    return message.GetDescriptor()->FindFieldByName(name);
  }

  // Changes `part`, which lies in case_, and undoes it unless the case still
  // fails. Returns whether the change stays.
  template <class Change>
  bool Try(Message& part, Change change) {
    const std::unique_ptr<Message> before(part.New());
    before->CopyFrom(part);
    change(part);
    if (fails_(case_)) {
      changed_ = true;
      return true;
    }
    part.CopyFrom(*before);
    return false;
  }

  // The numbers that make attempts slow, or cases hard to read.
  void ShrinkSizes() {
    if (case_.has_points()) {
      SoakPoints& points = *case_.mutable_points();
      ShrinkNumber(points, *Field(points, "count"));
      ShrinkNumber(points, *Field(points, "dim"));
    }
    for (SoakStep& step : *case_.mutable_step()) {
      if (!step.has_call()) continue;
      SoakCall& call = *step.mutable_call();
      ShrinkNumber(call, *Field(call, "queries"));
      ShrinkNumber(call, *Field(call, "k"));
    }
  }

  static int64_t Get(const Message& message, const FieldDescriptor& field) {
    return field.cpp_type() == FieldDescriptor::CPPTYPE_INT32
               ? message.GetReflection()->GetInt32(message, &field)
               : message.GetReflection()->GetInt64(message, &field);
  }
  static void Set(Message& message, const FieldDescriptor& field,
                  int64_t value) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
      message.GetReflection()->SetInt32(&message, &field,
                                        static_cast<int32_t>(value));
    } else {
      message.GetReflection()->SetInt64(&message, &field, value);
    }
  }

  // Lowers a number towards 1: to half, and by ever smaller steps.
  void ShrinkNumber(Message& message, const FieldDescriptor& field) {
    for (int64_t step = Get(message, field) / 2; step > 0;) {
      const int64_t value = Get(message, field);
      const bool lower =
          value - step >= 1 && Try(message, [&](Message& changed) {
            Set(changed, field, value - step);
          });
      if (!lower) step /= 2;
    }
  }

  void ShrinkRepeated(Message& message, const FieldDescriptor& field) {
    const auto& reflection = *message.GetReflection();
    for (int i = reflection.FieldSize(message, &field) - 1; i >= 0; --i) {
      Try(message, [&](Message& changed) {
        for (int j = i + 1; j < reflection.FieldSize(changed, &field); ++j) {
          reflection.SwapElements(&changed, &field, j - 1, j);
        }
        reflection.RemoveLast(&changed, &field);
      });
    }
    if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return;
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      ShrinkMessage(*reflection.MutableRepeatedMessage(&message, &field, i));
    }
  }

  // Leaves out what is set, or makes it smaller.
  void ShrinkMessage(Message& message) {
    const auto& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      if (Try(message, [&](Message& changed) {
            reflection.ClearField(&changed, field);
          })) {
        continue;
      }
      if (field->is_repeated()) {
        ShrinkRepeated(message, *field);
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        ShrinkMessage(*reflection.MutableMessage(&message, field));
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT32 ||
                 field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
        ShrinkNumber(message, *field);
      }
    }
  }

  SoakCase case_;
  absl::FunctionRef<bool(const SoakCase&)> fails_;
  bool changed_ = false;
};

}  // namespace

SoakCase ShrinkSoakCase(SoakCase failing,
                        absl::FunctionRef<bool(const SoakCase&)> fails) {
  return Shrinker(std::move(failing), fails).Run();
}

}  // namespace rct
