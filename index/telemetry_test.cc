#include "index/telemetry.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/point_sets.h"
#include "base/status_matchers.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "traversal/build_phase.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr int64_t kRows = 1500;

// Indexes whose searches together make every counter grow.
constexpr const char* kIndexes[] = {
    "strategy: EXHAUSTIVE",
    R"pb(
      strategy: LEVEL_SYNCHRONOUS
      tree { base: 1.6 leaf_size: 16 }
      heuristics {
        level_cache {}
        child_order {}
        radius_floor { floor_radians: 0.3 }
      }
    )pb",
    R"pb(
      strategy: LEVEL_SYNCHRONOUS
      heuristics {
        masked_dedupe {}
        dynamic_block {}
        budget_ladder {}
      }
    )pb",
    R"pb(
      strategy: BEST_FIRST
      tree { base: 1.6 leaf_size: 16 }
      heuristics {
        level_cache {}
        child_order {}
        dynamic_block {}
      }
    )pb",
    R"pb(
      strategy: BLOCK
      heuristics { skeleton_bound { form: TABLES block_size: 64 } }
    )pb",
};

ResidualModel MakeModel() {
  ResidualConfig config;
  config.mutable_kernel()->set_family(KernelConfig::RBF);
  config.mutable_inducing()->mutable_random()->set_count(24);
  const Matrix<double> points =
      MakePointSet(PointSet::kNormal, kRows, 2, /*seed=*/1);
  return ResidualModel::Create(points.view(), config).value();
}

ResidualIndex MakeIndex(const ResidualModel& model, const std::string& text) {
  IndexOptions options;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &options))
      << text;
  return ResidualIndex::Build(model, options).value();
}

SearchResult Search(const ResidualIndex& index, bool predecessor,
                    bool telemetry = true, int threads = 2) {
  std::vector<int64_t> rows(kRows / 4);
  std::iota(rows.begin(), rows.end(), kRows / 2);
  return index
      .Search(rows, {.k = 7,
                     .predecessor = predecessor,
                     .telemetry = telemetry,
                     .threads = threads})
      .value();
}

// Returns the names of the fields that are not zero or empty.
std::set<std::string> NonZeroFields(const Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  std::set<std::string> names;
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
      const int size =
          field->is_repeated() ? reflection.FieldSize(message, field) : 0;
      double sum =
          field->is_repeated() ? 0 : reflection.GetDouble(message, field);
      for (int i = 0; i < size; ++i) {
        sum += reflection.GetRepeatedDouble(message, field, i);
      }
      if (sum == 0) continue;
    }
    names.insert(field->name());
  }
  return names;
}

std::vector<std::string> MissingFields(const Message& message,
                                       const std::set<std::string>& names) {
  std::vector<std::string> missing;
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const std::string& name = message.GetDescriptor()->field(i)->name();
    if (!names.contains(name)) missing.push_back(name);
  }
  return missing;
}

double Sum(const google::protobuf::RepeatedField<double>& list) {
  return std::accumulate(list.begin(), list.end(), 0.0);
}

TEST(TelemetryTest, EveryFieldIsSetBySomeSearch) {
  const ResidualModel model = MakeModel();
  std::set<std::string> names;
  for (const char* const text : kIndexes) {
    const ResidualIndex index = MakeIndex(model, text);
    for (const bool predecessor : {false, true}) {
      names.merge(NonZeroFields(DescribeSearch(Search(index, predecessor), 2)));
    }
  }
  // BLOCK makes no forecasts for so few points.
  SearchResult forecast;
  forecast.counters.set_forecast_evaluations(1);
  names.merge(NonZeroFields(DescribeSearch(forecast, 2)));
  EXPECT_THAT(MissingFields(QueryTelemetry(), names),
              ElementsAre(
                  // "kind" is always "query"; the caller sets the others.
                  "kind", "workload", "case", "approximate",
                  // These are always 0: there are no caps, and a cover tree
                  // holds no row twice.
                  "caps_applied", "prunes_cap", "masked_dedup"));
}

TEST(TelemetryTest, EveryFieldIsSetBySomePhase) {
  const ResidualModel model = MakeModel();
  const ResidualIndex index = MakeIndex(model, kIndexes[1]);
  std::vector<BuildPhase> phases = model.phases();
  phases.insert(phases.end(), index.phases().begin(), index.phases().end());
  std::set<std::string> names;
  std::vector<std::string> phase_names;
  for (const BuildPhase& phase : phases) {
    const BuildTelemetry line = DescribePhase(phase, 2);
    phase_names.push_back(line.phase());
    names.merge(NonZeroFields(line));
    EXPECT_NEAR(line.milliseconds(), phase.seconds * 1e3, 1e-3);
    EXPECT_EQ(line.evaluations(), phase.distance_evaluations);
    EXPECT_EQ(line.bytes(), phase.bytes);
  }
  EXPECT_THAT(phase_names, ElementsAre("factorization", "projection", "nets",
                                       "reordering", "balls", "level_cache"));
  EXPECT_THAT(MissingFields(BuildTelemetry(), names),
              ElementsAre("kind", "workload", "case"));
}

// Levels and blocks add up to the counters.
TEST(TelemetryTest, ListsAgreeWithTotals) {
  const ResidualModel model = MakeModel();
  for (const char* const text : kIndexes) {
    SCOPED_TRACE(text);
    const ResidualIndex index = MakeIndex(model, text);
    for (const bool predecessor : {false, true}) {
      const QueryTelemetry line = DescribeSearch(Search(index, predecessor), 2);
      EXPECT_EQ(line.queries(), kRows / 4);
      EXPECT_EQ(line.k(), 7);
      EXPECT_EQ(line.threads(), 2);
      EXPECT_EQ(Sum(line.frontier_expanded()), line.segments_expanded());
      EXPECT_EQ(Sum(line.frontier_pruned()), line.prunes_lower_bound());
      EXPECT_EQ(Sum(line.level_evaluations()), line.distance_evals());
      double survivors = 0;
      for (int l = 0; l < line.yields_size(); ++l) {
        survivors += line.yields(l) * line.level_evaluations(l);
        EXPECT_LE(line.frontier_expanded(l) + line.frontier_pruned(l),
                  line.frontier_levels(l));
      }
      // A segment that a budget deferred counts twice.
      if (line.budget_early_terminate() == 0) {
        EXPECT_EQ(Sum(line.frontier_levels()), line.segments_expanded() +
                                                   line.prunes_lower_bound() +
                                                   line.subtrees_pruned());
      }
      EXPECT_NEAR(survivors, line.heap_pushes(), 1e-6);
      EXPECT_TRUE(
          std::is_sorted(line.block_sizes().begin(), line.block_sizes().end()));
      EXPECT_THAT(line.block_counts(), SizeIs(line.block_sizes_size()));
      EXPECT_GE(line.descent_ms() + 2e-3,
                line.evaluation_ms() + line.selection_ms());
    }
  }
}

TEST(TelemetryTest, ChangesNoAnswerAndNoCounter) {
  const ResidualModel model = MakeModel();
  for (const char* const text : kIndexes) {
    SCOPED_TRACE(text);
    const ResidualIndex index = MakeIndex(model, text);
    for (const bool predecessor : {false, true}) {
      const SearchResult off = Search(index, predecessor, /*telemetry=*/false);
      const SearchResult on = Search(index, predecessor);
      EXPECT_EQ(on.neighbors.Digest(), off.neighbors.Digest());
      EXPECT_EQ(on.counters.SerializeAsString(),
                off.counters.SerializeAsString());
      EXPECT_FALSE(on.trace.levels.empty());
      const QueryTelemetry line = DescribeSearch(off, 2);
      EXPECT_EQ(line.frontier_levels_size() + line.block_sizes_size(), 0);
      EXPECT_EQ(line.descent_ms(), 0);
    }
  }
}

TEST(TelemetryTest, ThreadsChangeNothingButTimes) {
  const ResidualModel model = MakeModel();
  for (const char* const text : kIndexes) {
    SCOPED_TRACE(text);
    const ResidualIndex index = MakeIndex(model, text);
    std::set<std::string> lines;
    for (const int threads : {1, 2, 7}) {
      QueryTelemetry line =
          DescribeSearch(Search(index, false, true, threads), /*threads=*/1);
      line.clear_evaluation_ms();
      line.clear_selection_ms();
      line.clear_descent_ms();
      lines.insert(TelemetryLine(line));
    }
    EXPECT_THAT(lines, SizeIs(1));
  }
}

TEST(TelemetryTest, LinesAreNumbersUnderTheSchemasNames) {
  BuildTelemetry build;
  build.set_kind("build");
  build.set_workload("a \"b\"");
  build.set_threads(2);
  build.set_milliseconds(0.25);
  build.set_evaluations(9007199254740991);
  EXPECT_EQ(TelemetryLine(build),
            R"({"kind":"build","workload":"a \"b\"","case":"","threads":2,)"
            R"("phase":"","milliseconds":0.25,"evaluations":9007199254740991,)"
            R"("bytes":0})"
            "\n");
}

TEST(TelemetryTest, EveryFieldIsPrinted) {
  for (const Message* const message :
       {static_cast<const Message*>(&TelemetryHeader::default_instance()),
        static_cast<const Message*>(&QueryTelemetry::default_instance()),
        static_cast<const Message*>(&BuildTelemetry::default_instance())}) {
    const std::string line = TelemetryLine(*message);
    for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
      EXPECT_THAT(
          line, HasSubstr(absl::StrCat(
                    "\"", message->GetDescriptor()->field(i)->name(), "\":")));
    }
  }
  EXPECT_THAT(TelemetryLine(QueryTelemetry()),
              AllOf(HasSubstr("{\"kind\":\"query\""),
                    HasSubstr("\"frontier_levels\":[]"),
                    HasSubstr("\"caps_applied\":0,")));
}

}  // namespace
}  // namespace rct
