// Every strategy of this library through the conformance suite.

#include "parity/conformance.h"

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "heuristics/skeleton_bound/skeleton_bound.pb.h"
#include "index/index.pb.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

std::vector<Subject> Subjects() {
  std::vector<Subject> subjects;
  subjects.emplace_back().name = "exhaustive";
  subjects.back().options.set_strategy(EXHAUSTIVE);
  for (const auto structure :
       {CoverTreeConfig::RESIDUAL, CoverTreeConfig::STATIC}) {
    for (const auto order : {CoverTreeConfig::NATURAL, CoverTreeConfig::HILBERT,
                             CoverTreeConfig::BREADTH_FIRST}) {
      Subject& subject = subjects.emplace_back();
      subject.name = absl::AsciiStrToLower(absl::StrCat(
          "cover_tree_", CoverTreeConfig::Structure_Name(structure), "_",
          CoverTreeConfig::NodeOrder_Name(order)));
      subject.options.set_strategy(LEVEL_SYNCHRONOUS);
      subject.options.mutable_tree()->set_structure(structure);
      subject.options.mutable_tree()->set_node_order(order);
    }
  }
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
  // Shapes far from the default.
  Subject& deep = subjects.emplace_back();
  deep.name = "cover_tree_deep";
  deep.options.set_strategy(LEVEL_SYNCHRONOUS);
  deep.options.mutable_tree()->set_base(2);
  deep.options.mutable_tree()->set_leaf_size(1);
  Subject& flat = subjects.emplace_back();
  flat.name = "cover_tree_flat";
  flat.options.set_strategy(LEVEL_SYNCHRONOUS);
  flat.options.mutable_tree()->set_base(8);
  flat.options.mutable_tree()->set_leaf_size(64);
  return subjects;
}

INSTANTIATE_TEST_SUITE_P(All, ConformanceTest, testing::ValuesIn(Subjects()),
                         SubjectName);

}  // namespace
}  // namespace rct
