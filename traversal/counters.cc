#include "traversal/counters.h"

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "traversal/traversal.pb.h"

namespace rct {

void AddCounters(const SearchCounters& more, SearchCounters& sum) {
  using google::protobuf::FieldDescriptor;
  const google::protobuf::Descriptor& descriptor = *sum.GetDescriptor();
  const google::protobuf::Reflection& reflection = *sum.GetReflection();
  for (int f = 0; f < descriptor.field_count(); ++f) {
    const FieldDescriptor* field = descriptor.field(f);
    if (!field->is_repeated()) {
      if (!reflection.HasField(more, field)) continue;
      reflection.SetInt64(
          &sum, field,
          reflection.GetInt64(sum, field) + reflection.GetInt64(more, field));
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(more, field); ++i) {
      const int64_t value = reflection.GetRepeatedInt64(more, field, i);
      if (i == reflection.FieldSize(sum, field)) {
        reflection.AddInt64(&sum, field, value);
      } else {
        reflection.SetRepeatedInt64(
            &sum, field, i, reflection.GetRepeatedInt64(sum, field, i) + value);
      }
    }
  }
}

}  // namespace rct
