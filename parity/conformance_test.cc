// Runs the conformance suite for every strategy of this library.

#include "parity/conformance.h"

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "heuristics/composition/heuristics.pb.h"
#include "index/index.pb.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

Subject Make(std::string name, Strategy strategy) {
  Subject subject;
  subject.name = std::move(name);
  subject.options.set_strategy(strategy);
  return subject;
}

std::vector<Subject> Trees() {
  std::vector<Subject> subjects = {Make("exhaustive", EXHAUSTIVE)};
  for (const auto structure :
       {CoverTreeConfig::RESIDUAL, CoverTreeConfig::STATIC}) {
    for (const auto order : {CoverTreeConfig::NATURAL, CoverTreeConfig::HILBERT,
                             CoverTreeConfig::BREADTH_FIRST}) {
      Subject& subject = subjects.emplace_back(
          Make(absl::AsciiStrToLower(absl::StrCat(
                   "cover_tree_", CoverTreeConfig::Structure_Name(structure),
                   "_", CoverTreeConfig::NodeOrder_Name(order))),
               LEVEL_SYNCHRONOUS));
      subject.options.mutable_tree()->set_structure(structure);
      subject.options.mutable_tree()->set_node_order(order);
    }
  }
  // The shapes of these trees are far from the default.
  Subject& deep =
      subjects.emplace_back(Make("cover_tree_deep", LEVEL_SYNCHRONOUS));
  deep.options.mutable_tree()->set_base(2);
  deep.options.mutable_tree()->set_leaf_size(1);
  Subject& flat =
      subjects.emplace_back(Make("cover_tree_flat", LEVEL_SYNCHRONOUS));
  flat.options.mutable_tree()->set_base(8);
  flat.options.mutable_tree()->set_leaf_size(64);
  return subjects;
}

std::vector<Subject> Screens() {
  std::vector<Subject> subjects = {Make("float_screen", EXHAUSTIVE)};
  subjects[0].options.mutable_heuristics()->mutable_float_screen();
  return subjects;
}

std::vector<Subject> Blocks() {
  std::vector<Subject> subjects;
  for (const auto form :
       {SkeletonBoundConfig::AUTO, SkeletonBoundConfig::TABLES,
        SkeletonBoundConfig::PROJECTIONS}) {
    Subject& subject = subjects.emplace_back();
    subject.name = absl::AsciiStrToLower(
        absl::StrCat("skeleton_", SkeletonBoundConfig::Form_Name(form)));
    subject.options.set_strategy(BLOCK);
    SkeletonBoundConfig& config =
        *subject.options.mutable_heuristics()->mutable_skeleton_bound();
    config.set_form(form);
    if (form != SkeletonBoundConfig::AUTO) config.set_block_size(32);
  }
  Subject& far_field = subjects.emplace_back(Make("far_field", BLOCK));
  far_field.options.mutable_heuristics()->mutable_far_field()->set_block_size(
      32);
  return subjects;
}

// Returns every heuristic alone, every pair, and all, with each tree strategy.
// Heuristics whose defaults have no effect on a thousand points get other
// numbers.
std::vector<Subject> WithHeuristics() {
  const auto turn_on = [](int i, HeuristicsConfig& config) {
    switch (i) {
      case 0:
        config.mutable_level_cache();
        return "level_cache";
      case 1:
        config.mutable_dynamic_block()->add_block(1);
        config.mutable_dynamic_block()->add_block(5);
        config.mutable_dynamic_block()->add_active_up_to(3);
        return "dynamic_block";
      case 2:
        config.mutable_budget_ladder()->add_rung(8);
        return "budget_ladder";
      case 3:
        config.mutable_radius_floor()->set_floor_radians(0.5);
        return "radius_floor";
      case 4:
        config.mutable_masked_dedupe();
        return "masked_dedupe";
      default:
        config.mutable_child_order();
        return "child_order";
    }
  };
  constexpr int kHeuristics = 6;
  std::vector<Subject> subjects;
  for (const auto& tree : {std::pair(LEVEL_SYNCHRONOUS, "level_synchronous"),
                           std::pair(BEST_FIRST, "best_first")}) {
    const auto add = [&](const auto& members) {
      Subject subject = Make(tree.second, tree.first);
      subject.options.mutable_tree()->set_leaf_size(16);
      for (const int i : members) {
        absl::StrAppend(&subject.name, "_",
                        turn_on(i, *subject.options.mutable_heuristics()));
      }
      subjects.push_back(std::move(subject));
    };
    std::vector<int> all(kHeuristics);
    std::iota(all.begin(), all.end(), 0);
    add(std::vector<int>());
    for (const int i : all) {
      add(std::vector<int>{i});
      for (int j = 0; j < i; ++j) add(std::vector<int>{j, i});
    }
    add(all);
    subjects.back().name = absl::StrCat(tree.second, "_all");
  }
  // With one pivot only the annulus is left; in deep trees the cache visits
  // children with children.
  for (const int pivots : {1, 5, 32}) {
    Subject& subject = subjects.emplace_back(
        Make(absl::StrCat("deep_level_cache_", pivots), LEVEL_SYNCHRONOUS));
    subject.options.mutable_tree()->set_base(1.3);
    subject.options.mutable_tree()->set_leaf_size(2);
    subject.options.mutable_heuristics()->mutable_level_cache()->set_pivots(
        pivots);
    subject.options.mutable_heuristics()->mutable_child_order();
  }
  return subjects;
}

INSTANTIATE_TEST_SUITE_P(Trees, ConformanceTest, testing::ValuesIn(Trees()),
                         SubjectName);
INSTANTIATE_TEST_SUITE_P(Screens, ConformanceTest, testing::ValuesIn(Screens()),
                         SubjectName);
INSTANTIATE_TEST_SUITE_P(Blocks, ConformanceTest, testing::ValuesIn(Blocks()),
                         SubjectName);
INSTANTIATE_TEST_SUITE_P(Heuristics, ConformanceTest,
                         testing::ValuesIn(WithHeuristics()), SubjectName);

}  // namespace
}  // namespace rct
