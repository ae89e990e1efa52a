#include "experiments/plot.h"

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "experiments/record.pb.h"
#include "experiments/test_data.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Times and counts are round on a logarithmic axis: the workloads have 100,
// 1,000 and 10,000 points, the last with fewer inducing points.
constexpr char kRecord[] = R"pb(
  deterministic {
    title: "Growth"
    workload {
      name: "n100"
      num_points: 100
      dimension: 3
      num_inducing: 16
      num_queries: 100
      case {
        name: "block"
        k: 5
        counters { distance_evaluations: 1000 }
        build_bytes: 10000
      }
    }
    workload {
      name: "n1000"
      num_points: 1000
      dimension: 3
      num_inducing: 16
      num_queries: 1000
      case {
        name: "block"
        k: 5
        counters { distance_evaluations: 20000 }
        build_bytes: 100000
      }
    }
    workload {
      name: "n10000"
      num_points: 10000
      dimension: 3
      num_inducing: 8
      num_queries: 10000
      case {
        name: "block"
        k: 5
        counters { distance_evaluations: 400000 }
        build_bytes: 1000000
      }
    }
  }
  measured {
    workload {
      name: "n100"
      factor_seconds: 1e-4
      case { name: "block" threads: 2 index_seconds: 2e-4 search_seconds: 3e-4 }
    }
    workload {
      name: "n1000"
      factor_seconds: 1e-3
      case { name: "block" threads: 2 index_seconds: 3e-3 search_seconds: 5e-3 }
    }
    workload {
      name: "n10000"
      factor_seconds: 1e-2
      case { name: "block" threads: 2 index_seconds: 4e-2 search_seconds: 8e-2 }
    }
  }
)pb";

RunRecord Record() { return ParseText<RunRecord>(kRecord); }

struct Center {
  double x, y;
};

// Returns the centers of the circles whose notes end with ", `series`: " and a
// number, in order.
std::vector<Center> Centers(const std::string& svg, absl::string_view series) {
  const auto number = [](absl::string_view line, absl::string_view name) {
    const std::string attribute = absl::StrCat(" ", name, "=\"");
    const size_t at = line.find(attribute);
    EXPECT_NE(at, line.npos) << line;
    return std::atof(std::string(line.substr(at + attribute.size())).c_str());
  };
  std::vector<Center> centers;
  for (const absl::string_view line : absl::StrSplit(svg, '\n')) {
    if (!absl::StartsWith(line, "<circle ") ||
        !absl::StrContains(line, absl::StrCat(", ", series, ": "))) {
      continue;
    }
    centers.push_back({number(line, "cx"), number(line, "cy")});
  }
  return centers;
}

TEST(PlotTest, GoldenPlot) {
  EXPECT_EQ(
      PlotGrowth(Record()),
      R"svg(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 500" role="img" font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222222">
<title>Growth</title>
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="60.0" y="38.0" font-size="20" font-weight="bold">Growth</text>
<text x="60.0" y="60.0" fill="#666666">d = 3, m = 16, k = 5, 2 threads; medians of 1</text>
<text x="60.0" y="94.0" font-size="13" font-weight="bold">microseconds a row</text>
<text x="160.0" y="434.0" text-anchor="middle">points n</text>
<clipPath id="panel0"><rect x="60.0" y="108.0" width="200.0" height="290.0"/></clipPath>
<path d="M73.8 108.0V398.0M160.0 108.0V398.0M246.2 108.0V398.0M60.0 398.0H260.0M60.0 310.7H260.0M60.0 195.3H260.0M60.0 108.0H260.0" fill="none" stroke="#e4e4e4"/>
<path d="M60.4 398.0v3M65.4 398.0v3M69.8 398.0v3M73.8 398.0v6M99.7 398.0v3M114.9 398.0v3M125.7 398.0v3M134.0 398.0v3M140.9 398.0v3M146.6 398.0v3M151.6 398.0v3M156.1 398.0v3M160.0 398.0v6M186.0 398.0v3M201.1 398.0v3M211.9 398.0v3M220.3 398.0v3M227.1 398.0v3M232.9 398.0v3M237.9 398.0v3M242.3 398.0v3M246.2 398.0v6M60.0 398.0h-6M60.0 310.7h-6M60.0 259.6h-3M60.0 223.4h-3M60.0 195.3h-6M60.0 172.3h-3M60.0 152.9h-3M60.0 136.1h-3M60.0 121.3h-3M60.0 108.0h-6M60.0 108.0V398.0H260.0" fill="none" stroke="#888888"/>
<text x="73.8" y="417.0" text-anchor="middle" font-size="11">100</text>
<text x="160.0" y="417.0" text-anchor="middle" font-size="11">1000</text>
<text x="246.2" y="417.0" text-anchor="middle" font-size="11">10<tspan dy="-5" font-size="9">4</tspan></text>
<text x="51.0" y="402.0" text-anchor="end" font-size="11">1</text>
<text x="51.0" y="314.7" text-anchor="end" font-size="11">2</text>
<text x="51.0" y="199.3" text-anchor="end" font-size="11">5</text>
<text x="51.0" y="112.0" text-anchor="end" font-size="11">10</text>
<g clip-path="url(#panel0)">
<path d="M73.8 398.0L120.3 398.0L166.9 398.0L213.4 398.0L260.0 398.0M73.8 398.0L120.3 367.9L166.9 343.6L213.4 323.3L260.0 305.8" fill="none" stroke="#009e73" stroke-width="1.4" stroke-dasharray="0.1 4" stroke-linecap="round" opacity="0.7"/>
<path d="M73.8 310.7L120.3 310.7L166.9 310.7L213.4 310.7L260.0 310.7M73.8 310.7L120.3 280.6L166.9 256.3L213.4 236.0L260.0 218.5" fill="none" stroke="#d55e00" stroke-width="1.4" stroke-dasharray="0.1 4" stroke-linecap="round" opacity="0.7"/>
<path d="M73.8 259.6L120.3 259.6L166.9 259.6L213.4 259.6L260.0 259.6M73.8 259.6L120.3 229.5L166.9 205.3L213.4 184.9L260.0 167.4" fill="none" stroke="#0072b2" stroke-width="1.4" stroke-dasharray="0.1 4" stroke-linecap="round" opacity="0.7"/>
</g>
<path d="M73.8 398.0L160.0 398.0" fill="none" stroke="#009e73" stroke-width="2"/>
<path d="M160.0 398.0L246.2 398.0" fill="none" stroke="#009e73" stroke-width="2" stroke-dasharray="6 4"/>
<circle cx="73.8" cy="398.0" r="4" fill="#009e73" stroke="#009e73" stroke-width="1.8"><title>n100, block, V: 1</title></circle>
<circle cx="160.0" cy="398.0" r="4" fill="#009e73" stroke="#009e73" stroke-width="1.8"><title>n1000, block, V: 1</title></circle>
<circle cx="246.2" cy="398.0" r="4" fill="#ffffff" stroke="#009e73" stroke-width="1.8"><title>n10000, block, V: 1</title></circle>
<path d="M73.8 310.7L160.0 259.6" fill="none" stroke="#d55e00" stroke-width="2"/>
<path d="M160.0 259.6L246.2 223.4" fill="none" stroke="#d55e00" stroke-width="2" stroke-dasharray="6 4"/>
<circle cx="73.8" cy="310.7" r="4" fill="#d55e00" stroke="#d55e00" stroke-width="1.8"><title>n100, block, index: 2</title></circle>
<circle cx="160.0" cy="259.6" r="4" fill="#d55e00" stroke="#d55e00" stroke-width="1.8"><title>n1000, block, index: 3</title></circle>
<circle cx="246.2" cy="223.4" r="4" fill="#ffffff" stroke="#d55e00" stroke-width="1.8"><title>n10000, block, index: 4</title></circle>
<path d="M73.8 259.6L160.0 195.3" fill="none" stroke="#0072b2" stroke-width="2"/>
<path d="M160.0 195.3L246.2 136.1" fill="none" stroke="#0072b2" stroke-width="2" stroke-dasharray="6 4"/>
<circle cx="73.8" cy="259.6" r="4" fill="#0072b2" stroke="#0072b2" stroke-width="1.8"><title>n100, block, search: 3</title></circle>
<circle cx="160.0" cy="195.3" r="4" fill="#0072b2" stroke="#0072b2" stroke-width="1.8"><title>n1000, block, search: 5</title></circle>
<circle cx="246.2" cy="136.1" r="4" fill="#ffffff" stroke="#0072b2" stroke-width="1.8"><title>n10000, block, search: 8</title></circle>
<text x="312.0" y="94.0" font-size="13" font-weight="bold">evaluations a row</text>
<text x="412.0" y="434.0" text-anchor="middle">points n</text>
<clipPath id="panel1"><rect x="312.0" y="108.0" width="200.0" height="290.0"/></clipPath>
<path d="M325.8 108.0V398.0M412.0 108.0V398.0M498.2 108.0V398.0M312.0 398.0H512.0M312.0 310.7H512.0M312.0 195.3H512.0M312.0 108.0H512.0" fill="none" stroke="#e4e4e4"/>
<path d="M312.4 398.0v3M317.4 398.0v3M321.8 398.0v3M325.8 398.0v6M351.7 398.0v3M366.9 398.0v3M377.7 398.0v3M386.0 398.0v3M392.9 398.0v3M398.6 398.0v3M403.6 398.0v3M408.1 398.0v3M412.0 398.0v6M438.0 398.0v3M453.1 398.0v3M463.9 398.0v3M472.3 398.0v3M479.1 398.0v3M484.9 398.0v3M489.9 398.0v3M494.3 398.0v3M498.2 398.0v6M312.0 398.0h-6M312.0 310.7h-6M312.0 259.6h-3M312.0 223.4h-3M312.0 195.3h-6M312.0 172.3h-3M312.0 152.9h-3M312.0 136.1h-3M312.0 121.3h-3M312.0 108.0h-6M312.0 108.0V398.0H512.0" fill="none" stroke="#888888"/>
<text x="325.8" y="417.0" text-anchor="middle" font-size="11">100</text>
<text x="412.0" y="417.0" text-anchor="middle" font-size="11">1000</text>
<text x="498.2" y="417.0" text-anchor="middle" font-size="11">10<tspan dy="-5" font-size="9">4</tspan></text>
<text x="303.0" y="402.0" text-anchor="end" font-size="11">10</text>
<text x="303.0" y="314.7" text-anchor="end" font-size="11">20</text>
<text x="303.0" y="199.3" text-anchor="end" font-size="11">50</text>
<text x="303.0" y="112.0" text-anchor="end" font-size="11">100</text>
<g clip-path="url(#panel1)">
<path d="M325.8 398.0L372.3 398.0L418.9 398.0L465.4 398.0L512.0 398.0M325.8 398.0L372.3 367.9L418.9 343.6L465.4 323.3L512.0 305.8" fill="none" stroke="#0072b2" stroke-width="1.4" stroke-dasharray="0.1 4" stroke-linecap="round" opacity="0.7"/>
</g>
<path d="M325.8 398.0L412.0 310.7" fill="none" stroke="#0072b2" stroke-width="2"/>
<path d="M412.0 310.7L498.2 223.4" fill="none" stroke="#0072b2" stroke-width="2" stroke-dasharray="6 4"/>
<circle cx="325.8" cy="398.0" r="4" fill="#0072b2" stroke="#0072b2" stroke-width="1.8"><title>n100, block, search: 10</title></circle>
<circle cx="412.0" cy="310.7" r="4" fill="#0072b2" stroke="#0072b2" stroke-width="1.8"><title>n1000, block, search: 20</title></circle>
<circle cx="498.2" cy="223.4" r="4" fill="#ffffff" stroke="#0072b2" stroke-width="1.8"><title>n10000, block, search: 40</title></circle>
<text x="564.0" y="94.0" font-size="13" font-weight="bold">bytes a row</text>
<text x="664.0" y="434.0" text-anchor="middle">points n</text>
<clipPath id="panel2"><rect x="564.0" y="108.0" width="200.0" height="290.0"/></clipPath>
<path d="M577.8 108.0V398.0M664.0 108.0V398.0M750.2 108.0V398.0M564.0 398.0H764.0M564.0 354.4H764.0M564.0 296.6H764.0M564.0 253.0H764.0M564.0 209.4H764.0M564.0 151.6H764.0M564.0 108.0H764.0" fill="none" stroke="#e4e4e4"/>
<path d="M564.4 398.0v3M569.4 398.0v3M573.8 398.0v3M577.8 398.0v6M603.7 398.0v3M618.9 398.0v3M629.7 398.0v3M638.0 398.0v3M644.9 398.0v3M650.6 398.0v3M655.6 398.0v3M660.1 398.0v3M664.0 398.0v6M690.0 398.0v3M705.1 398.0v3M715.9 398.0v3M724.3 398.0v3M731.1 398.0v3M736.9 398.0v3M741.9 398.0v3M746.3 398.0v3M750.2 398.0v6M564.0 398.0h-6M564.0 354.4h-6M564.0 328.8h-3M564.0 310.7h-3M564.0 296.6h-6M564.0 285.2h-3M564.0 275.5h-3M564.0 267.1h-3M564.0 259.6h-3M564.0 253.0h-6M564.0 209.4h-6M564.0 183.8h-3M564.0 165.7h-3M564.0 151.6h-6M564.0 140.2h-3M564.0 130.5h-3M564.0 122.1h-3M564.0 114.6h-3M564.0 108.0h-6M564.0 108.0V398.0H764.0" fill="none" stroke="#888888"/>
<text x="577.8" y="417.0" text-anchor="middle" font-size="11">100</text>
<text x="664.0" y="417.0" text-anchor="middle" font-size="11">1000</text>
<text x="750.2" y="417.0" text-anchor="middle" font-size="11">10<tspan dy="-5" font-size="9">4</tspan></text>
<text x="555.0" y="402.0" text-anchor="end" font-size="11">10</text>
<text x="555.0" y="358.4" text-anchor="end" font-size="11">20</text>
<text x="555.0" y="300.6" text-anchor="end" font-size="11">50</text>
<text x="555.0" y="257.0" text-anchor="end" font-size="11">100</text>
<text x="555.0" y="213.4" text-anchor="end" font-size="11">200</text>
<text x="555.0" y="155.6" text-anchor="end" font-size="11">500</text>
<text x="555.0" y="112.0" text-anchor="end" font-size="11">1000</text>
<g clip-path="url(#panel2)">
<path d="M577.8 237.5L624.3 237.5L670.9 237.5L717.4 237.5L764.0 237.5M577.8 237.5L624.3 222.4L670.9 210.3L717.4 200.1L764.0 191.3" fill="none" stroke="#009e73" stroke-width="1.4" stroke-dasharray="0.1 4" stroke-linecap="round" opacity="0.7"/>
<path d="M577.8 253.0L624.3 253.0L670.9 253.0L717.4 253.0L764.0 253.0M577.8 253.0L624.3 237.9L670.9 225.8L717.4 215.6L764.0 206.9" fill="none" stroke="#d55e00" stroke-width="1.4" stroke-dasharray="0.1 4" stroke-linecap="round" opacity="0.7"/>
</g>
<path d="M577.8 237.5L664.0 237.5" fill="none" stroke="#009e73" stroke-width="2"/>
<path d="M664.0 237.5L750.2 281.1" fill="none" stroke="#009e73" stroke-width="2" stroke-dasharray="6 4"/>
<circle cx="577.8" cy="237.5" r="4" fill="#009e73" stroke="#009e73" stroke-width="1.8"><title>n100, block, V: 128</title></circle>
<circle cx="664.0" cy="237.5" r="4" fill="#009e73" stroke="#009e73" stroke-width="1.8"><title>n1000, block, V: 128</title></circle>
<circle cx="750.2" cy="281.1" r="4" fill="#ffffff" stroke="#009e73" stroke-width="1.8"><title>n10000, block, V: 64</title></circle>
<path d="M577.8 253.0L664.0 253.0" fill="none" stroke="#d55e00" stroke-width="2"/>
<path d="M664.0 253.0L750.2 253.0" fill="none" stroke="#d55e00" stroke-width="2" stroke-dasharray="6 4"/>
<circle cx="577.8" cy="253.0" r="4" fill="#d55e00" stroke="#d55e00" stroke-width="1.8"><title>n100, block, index: 100</title></circle>
<circle cx="664.0" cy="253.0" r="4" fill="#d55e00" stroke="#d55e00" stroke-width="1.8"><title>n1000, block, index: 100</title></circle>
<circle cx="750.2" cy="253.0" r="4" fill="#ffffff" stroke="#d55e00" stroke-width="1.8"><title>n10000, block, index: 100</title></circle>
<path d="M60.0 460.0h24" fill="none" stroke="#009e73" stroke-width="3"/>
<text x="91.0" y="464.0">V</text>
<path d="M121.5 460.0h24" fill="none" stroke="#d55e00" stroke-width="3"/>
<text x="152.5" y="464.0">index</text>
<path d="M209.0 460.0h24" fill="none" stroke="#0072b2" stroke-width="3"/>
<text x="240.0" y="464.0">search</text>
<text x="60.0" y="485.0" font-size="11" fill="#666666">Dotted, from the first point of each line: in all n (lower) and n log n (upper). Hollow: m = 8.</text>
</svg>
)svg");
}

TEST(PlotTest, LargerIsFurtherRightAndMoreIsFurtherUp) {
  const std::string svg = PlotGrowth(Record());
  // The points of times come first in each series; those of the next panel
  // start again from the left.
  const std::vector<Center> search = Centers(svg, "search");
  ASSERT_EQ(search.size(), 6u);  // times, evaluations
  const std::vector<Center> index = Centers(svg, "index");
  ASSERT_EQ(index.size(), 6u);  // times, bytes
  for (const int i : {1, 2, 4, 5}) {
    EXPECT_GT(search[i].x, search[i - 1].x);
    EXPECT_LT(search[i].y, search[i - 1].y);
  }
  for (const int i : {1, 2}) {
    EXPECT_EQ(index[i].x, search[i].x);
    EXPECT_GT(index[i].y, search[i].y);
  }
  // On a logarithmic axis 10, 20 and 40 evaluations are equally far apart.
  EXPECT_NEAR(search[4].x - search[3].x, search[5].x - search[4].x, 0.11);
  EXPECT_NEAR(search[4].y - search[3].y, search[5].y - search[4].y, 0.11);
  // The bytes per point are the same.
  EXPECT_EQ(index[3].y, index[5].y);
}

TEST(PlotTest, NamesAreNoMarkup) {
  RunRecord record = Record();
  auto& known = *record.mutable_deterministic();
  known.set_title("<b> & \"c\"\n\x01");
  known.mutable_workload(0)->set_name("</svg>");
  for (auto& workload : *known.mutable_workload()) {
    workload.mutable_case_(0)->set_name("a<b");
    *workload.add_case_() = workload.case_(0);
    workload.mutable_case_(1)->set_name("c&d");
  }
  for (auto& workload : *record.mutable_measured()->mutable_workload()) {
    *workload.add_case_() = workload.case_(0);
  }
  const std::string svg = PlotGrowth(record);
  EXPECT_THAT(svg,
              AllOf(HasSubstr(">&lt;b&gt; &amp; \"c\"  </text>"),
                    HasSubstr("<title>&lt;/svg&gt;, a&lt;b, search: 3</title>"),
                    HasSubstr(">a&lt;b</text>"), HasSubstr(">c&amp;d</text>"),
                    Not(HasSubstr("a<b")), Not(HasSubstr("\x01"))));
  EXPECT_EQ(svg.find("</svg>"), svg.size() - 7);
}

TEST(PlotTest, WhatChangesBesidesTheSizeIsHollow) {
  const auto hollow = [](const RunRecord& record) {
    return absl::StrContains(PlotGrowth(record), "fill=\"#ffffff\" stroke");
  };
  RunRecord record = Record();
  EXPECT_TRUE(hollow(record));
  EXPECT_THAT(PlotGrowth(record), HasSubstr(" Hollow: m = 8.</text>"));
  record.mutable_deterministic()->mutable_workload(2)->set_num_inducing(16);
  EXPECT_FALSE(hollow(record));
  EXPECT_THAT(PlotGrowth(record), Not(HasSubstr("Hollow")));
}

TEST(PlotTest, OfInducingPoints) {
  RunRecord record = Record();
  for (int w = 0; w < 3; ++w) {
    auto& workload = *record.mutable_deterministic()->mutable_workload(w);
    workload.set_num_points(1000);
    workload.set_num_queries(1000);
    workload.set_num_inducing(16 << w);
  }
  EXPECT_THAT(
      PlotGrowth(record),
      AllOf(HasSubstr(">d = 3, n = 1000, k = 5, 2 threads"),
            HasSubstr(">inducing points m<"), HasSubstr(">20</text>"),
            HasSubstr("m (lower) and m² (upper)"), Not(HasSubstr("Hollow"))));
}

TEST(PlotTest, WhatIsNotAboveZeroHasNoPlace) {
  RunRecord record = Record();
  for (auto& workload : *record.mutable_measured()->mutable_workload()) {
    workload.clear_factor_seconds();
    workload.mutable_case_(0)->clear_index_seconds();
    workload.mutable_case_(0)->clear_search_seconds();
  }
  for (auto& workload : *record.mutable_deterministic()->mutable_workload()) {
    workload.mutable_case_(0)->clear_counters();
    workload.mutable_case_(0)->clear_build_bytes();
  }
  const std::string svg = PlotGrowth(record);
  EXPECT_THAT(Centers(svg, "search"), testing::IsEmpty());
  EXPECT_THAT(Centers(svg, "V"), testing::SizeIs(3));  // bytes
  EXPECT_THAT(svg, AllOf(Not(HasSubstr("nan")), Not(HasSubstr("inf"))));
}

TEST(PlotTest, FourCasesAtMost) {
  RunRecord record = Record();
  for (int w = 0; w < 3; ++w) {
    auto& known = *record.mutable_deterministic()->mutable_workload(w);
    auto& timed = *record.mutable_measured()->mutable_workload(w);
    for (int i = 1; i < 6; ++i) {
      *known.add_case_() = known.case_(0);
      known.mutable_case_(i)->set_name(absl::StrCat("case", i));
      *timed.add_case_() = timed.case_(0);
    }
  }
  EXPECT_THAT(PlotGrowth(record),
              AllOf(HasSubstr(">case3</text>"), Not(HasSubstr("case4"))));
}

TEST(PlotTest, WithoutGrowthThereIsNothing) {
  RunRecord record = Record();
  record.mutable_deterministic()->mutable_workload()->RemoveLast();
  EXPECT_EQ(PlotGrowth(record), "");
}

}  // namespace
}  // namespace rct
