#include "traversal/counters.h"

#include <cstdint>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "gtest/gtest.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

TEST(CountersTest, AddsFieldByField) {
  SearchCounters sum, more;
  sum.set_distance_evaluations(5);
  more.set_distance_evaluations(2);
  more.set_heap_pushes(1);
  AddCounters(more, sum);
  EXPECT_EQ(sum.distance_evaluations(), 7);
  EXPECT_EQ(sum.heap_pushes(), 1);
}

TEST(CountersTest, AddsRepeatedFieldsElementByElement) {
  SearchCounters sum, more;
  sum.add_dynamic_blocks(5);
  more.add_dynamic_blocks(2);
  more.add_dynamic_blocks(3);
  AddCounters(more, sum);
  EXPECT_THAT(sum.dynamic_blocks(), testing::ElementsAre(7, 3));
}

TEST(CountersTest, LeavesAbsentFieldsAbsent) {
  SearchCounters sum, more;
  more.set_heap_pushes(0);
  AddCounters(more, sum);
  EXPECT_TRUE(sum.has_heap_pushes());
  EXPECT_FALSE(sum.has_distance_evaluations());
}

TEST(CountersTest, AddsEveryField) {
  SearchCounters more;
  const google::protobuf::Descriptor& descriptor = *more.GetDescriptor();
  const google::protobuf::Reflection& reflection = *more.GetReflection();
  for (int f = 0; f < descriptor.field_count(); ++f) {
    const auto* field = descriptor.field(f);
    if (field->is_repeated()) {
      reflection.AddInt64(&more, field, f + 1);
    } else {
      reflection.SetInt64(&more, field, f + 1);
    }
  }
  SearchCounters sum;
  AddCounters(more, sum);
  AddCounters(more, sum);
  for (int f = 0; f < descriptor.field_count(); ++f) {
    const auto* field = descriptor.field(f);
    EXPECT_EQ(field->is_repeated() ? reflection.GetRepeatedInt64(sum, field, 0)
                                   : reflection.GetInt64(sum, field),
              2 * (f + 1))
        << field->name();
  }
}

}  // namespace
}  // namespace rct
