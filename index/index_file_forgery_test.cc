// Forges files that contradict themselves but have the right digest: none of
// them may lead a search out of its arrays. Each forgery changes one part of a
// good file.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/sha256.h"
#include "base/status_matchers.h"
#include "base/test_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "index/index.pb.h"
#include "index/index_file.h"
#include "index/index_file.pb.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "metric/residual_points.h"
#include "metric/test_data.h"
#include "traversal/searcher.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr int64_t kRows = 150;
constexpr int64_t kDim = 2;
constexpr size_t kPreamble = 64;
constexpr size_t kTableRow = 64;

// An array with its entry of the table.
struct Entry {
  std::string name;  // 24 bytes, padded with zeros
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t rows = 0;
  uint64_t cols = 0;
  uint64_t stride = 0;
  std::string contents;
};

std::string NameOf(const Entry& entry) { return entry.name.c_str(); }

uint64_t Aligned(uint64_t offset) { return (offset + 63) / 64 * 64; }

std::vector<Entry> Decode(const std::string& file) {
  uint64_t count;
  std::memcpy(&count, file.data() + 24, sizeof(count));
  std::vector<Entry> entries(count);
  for (uint64_t i = 0; i < count; ++i) {
    const char* row = file.data() + kPreamble + i * kTableRow;
    Entry& entry = entries[i];
    entry.name.assign(row, 24);
    std::memcpy(&entry.offset, row + 24, 5 * sizeof(uint64_t));
    entry.contents = file.substr(entry.offset, entry.bytes);
  }
  return entries;
}

// Lays out the contents and sets the offsets.
void Settle(std::vector<Entry>& entries) {
  uint64_t offset = kPreamble + entries.size() * kTableRow;
  for (Entry& entry : entries) {
    entry.offset = offset;
    entry.bytes = entry.contents.size();
    offset = Aligned(offset + entry.bytes);
  }
}

// Returns a file with the given table, the contents in their places, and the
// right digest.
std::string Encode(const std::string& file, const std::vector<Entry>& entries) {
  std::string result = file.substr(0, kPreamble);
  std::string arrays;
  for (const Entry& entry : entries) {
    result += entry.name;
    result.append(reinterpret_cast<const char*>(&entry.offset),
                  5 * sizeof(uint64_t));
    arrays += entry.contents;
    arrays.resize(Aligned(arrays.size()));
  }
  result += arrays;
  const uint64_t sizes[] = {result.size(), entries.size()};
  std::memcpy(result.data() + 16, sizes, sizeof(sizes));
  const std::string digest = Sha256Hex(
      Sha256Hex(absl::StrCat(result.substr(0, 32), result.substr(64))));
  result.replace(32, 32, absl::HexStringToBytes(digest));
  return result;
}

IndexOptions Options(Strategy strategy) {
  IndexOptions options;
  options.set_strategy(strategy);
  ResidualConfig& residual = *options.mutable_residual();
  residual.mutable_kernel()->set_family(KernelConfig::MATERN32);
  residual.mutable_inducing()->mutable_random()->set_count(5);
  return options;
}

InducingConfig& Inducing(IndexOptions& options) {
  return *options.mutable_residual()->mutable_inducing();
}

IndexOptions Blocks(SkeletonBoundConfig::Form form) {
  IndexOptions options = Options(BLOCK);
  auto& skeletons = *options.mutable_heuristics()->mutable_skeleton_bound();
  skeletons.set_form(form);
  skeletons.set_block_size(32);
  return options;
}

// Returns indexes of every kind, by name.
std::map<std::string, ResidualIndex> Indexes() {
  std::map<std::string, IndexOptions> options = {
      {"exhaustive", Options(EXHAUSTIVE)},
      {"tree", Options(LEVEL_SYNCHRONOUS)},
      {"dense", Blocks(SkeletonBoundConfig::DENSE)},
      {"tables", Blocks(SkeletonBoundConfig::TABLES)},
      {"no gaps", Blocks(SkeletonBoundConfig::TABLES)},
      {"projections", Blocks(SkeletonBoundConfig::PROJECTIONS)},
      {"kmeans++", Options(EXHAUSTIVE)},
      {"centers", Options(EXHAUSTIVE)},
  };
  Inducing(options["kmeans++"]).mutable_kmeans_plus_plus()->set_count(5);
  Inducing(options["centers"]).mutable_kmeans()->set_count(5);
  options["no gaps"]
      .mutable_heuristics()
      ->mutable_skeleton_bound()
      ->set_norm_table(false);
  const Matrix<double> points = MakePoints("cube", kRows, kDim, 1);
  std::map<std::string, ResidualIndex> indexes;
  for (const auto& [name, some] : options) {
    indexes.emplace(name, ResidualIndex::Build(points.view(), some).value());
  }
  // An index whose calls decide on its form saves its costs.
  IndexOptions automatic = Blocks(SkeletonBoundConfig::AUTO);
  automatic.mutable_residual()->mutable_kernel()->add_lengthscale(0.3);
  indexes.emplace(
      "auto",
      ResidualIndex::Build(MakePoints("cube", 3000, kDim, 1).view(), automatic)
          .value());
  const ResidualModel& own = indexes.at("exhaustive").model();
  const ResidualPoints& data = own.metric()->data();
  indexes.emplace("factors", ResidualIndex::Build(
                                 ResidualModel::FromFactors(
                                     data.points.view(), own.config().kernel(),
                                     data.v.view(), data.variance.span())
                                     .value(),
                                 IndexOptions())
                                 .value());
  return indexes;
}

class ForgeryTest : public FolderTest {
 protected:
  ForgeryTest() : path_(Path("index")) {
    for (const auto& [name, index] : Indexes()) {
      EXPECT_THAT(index.Save(path_), IsOk());
      files_[name] = ReadFile(path_).value();
      EXPECT_LT(files_[name].size(), size_t{1} << 22);  // one piece of a digest
      EXPECT_EQ(Encode(files_[name], Decode(files_[name])), files_[name]);
    }
  }

  absl::Status LoadStatus(const std::string& file) const {
    // Without the syncing of WriteFileAtomically.
    std::ofstream(path_, std::ios::binary) << file;
    const auto index = ResidualIndex::Load(path_, {.threads = 1});
    EXPECT_EQ(SummarizeIndexFile(path_).status(), index.status());
    if (!index.ok()) return index.status();
    SearchEverything(*index);
    return absl::OkStatus();
  }

  // Searches must end, whatever their answers are.
  static void SearchEverything(const ResidualIndex& index) {
    const SearchOptions options = {.k = 7, .threads = 1};
    SearchOptions predecessor = options;
    predecessor.predecessor = true;
    std::vector<int64_t> rows;
    for (int64_t row = 0; row < index.size(); row += 1 + index.size() / 200) {
      rows.push_back(row);
    }
    EXPECT_THAT(index.Search(rows, options).status(), IsOk());
    EXPECT_THAT(index.Search(rows, predecessor).status(), IsOk());
    EXPECT_THAT(index.RangeSearch(rows, 0.5, options).status(), IsOk());
    if (index.model().factor() == nullptr) return;
    // A forged factor may have no projections: that is an error of the search.
    index.SearchPoints(MakePoints("cube", 20, kDim, 7).view(), options)
        .status()
        .IgnoreError();
  }

  void ExpectRefused(const std::string& file) const {
    EXPECT_THAT(LoadStatus(file),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(StartsWith(path_ + ": "),
                               HasSubstr("; build the index again"))));
  }

  const std::string path_;
  std::map<std::string, std::string> files_;
};

TEST_F(ForgeryTest, GoodFilesHoldEveryArray) {
  std::set<std::string> names;
  for (const auto& [kind, file] : files_) {
    SCOPED_TRACE(kind);
    EXPECT_THAT(LoadStatus(file), IsOk());
    for (const Entry& entry : Decode(file)) names.insert(NameOf(entry));
  }
  EXPECT_EQ(names.size(), 53u);
}

// Changes the entry of one array and not the array.
TEST_F(ForgeryTest, Table) {
  const std::vector<std::pair<std::string, void (*)(Entry&)>> changes = {
      {"rows + 1", [](Entry& e) { ++e.rows; }},
      {"rows - 1", [](Entry& e) { --e.rows; }},
      {"rows huge", [](Entry& e) { e.rows = uint64_t{1} << 62; }},
      {"rows negative", [](Entry& e) { e.rows = ~uint64_t{0}; }},
      {"cols + 1", [](Entry& e) { ++e.cols; }},
      {"cols - 1", [](Entry& e) { --e.cols; }},
      {"cols huge", [](Entry& e) { e.cols = ~uint64_t{0}; }},
      {"stride + 1", [](Entry& e) { ++e.stride; }},
      {"stride - 1", [](Entry& e) { --e.stride; }},
      {"stride 0", [](Entry& e) { e.stride = 0; }},
      {"stride huge", [](Entry& e) { e.stride = ~uint64_t{0}; }},
      {"one row",
       [](Entry& e) {
         e.cols = e.stride = e.rows * e.stride;
         e.rows = e.rows == 1 ? 2 : 1;
       }},
      {"transposed", [](Entry& e) { std::swap(e.rows, e.stride), ++e.cols; }},
      {"bytes + 1", [](Entry& e) { ++e.bytes; }},
      {"bytes - 8", [](Entry& e) { e.bytes -= 8; }},
      {"bytes huge", [](Entry& e) { e.bytes = uint64_t{1} << 63; }},
      {"offset + 8", [](Entry& e) { e.offset += 8; }},
      {"offset - 64", [](Entry& e) { e.offset -= 64; }},
      {"offset + 64", [](Entry& e) { e.offset += 64; }},
      {"offset 0", [](Entry& e) { e.offset = 0; }},
      {"offset huge", [](Entry& e) { e.offset = uint64_t{1} << 63; }},
      {"no name", [](Entry& e) { e.name.assign(24, '\0'); }},
      {"endless name", [](Entry& e) { e.name.assign(24, 'x'); }},
      {"renamed", [](Entry& e) { e.name[0] = '_'; }},
      {"name with a tail", [](Entry& e) { e.name[23] = 'x'; }},
  };
  for (const auto& [kind, file] : files_) {
    const std::vector<Entry> entries = Decode(file);
    for (size_t i = 0; i < entries.size(); ++i) {
      for (const auto& [what, change] : changes) {
        SCOPED_TRACE(absl::StrCat(kind, ": ", NameOf(entries[i]), ": ", what));
        std::vector<Entry> forged = entries;
        change(forged[i]);
        ExpectRefused(Encode(file, forged));
      }
    }
  }
}

// Arrays are longer or shorter, missing or superfluous, and the table agrees.
TEST_F(ForgeryTest, Sizes) {
  for (const auto& kind_and_file : files_) {
    const std::string& kind = kind_and_file.first;
    const std::string& file = kind_and_file.second;
    const std::vector<Entry> entries = Decode(file);
    for (size_t i = 0; i < entries.size(); ++i) {
      const auto forge = [&](const std::string& what, const auto& change) {
        SCOPED_TRACE(absl::StrCat(kind, ": ", NameOf(entries[i]), ": ", what));
        std::vector<Entry> forged = entries;
        change(forged);
        Settle(forged);
        ExpectRefused(Encode(file, forged));
      };
      const Entry& entry = entries[i];
      const uint64_t row =
          entry.rows == 0 ? 8 : entry.contents.size() / entry.rows;
      forge("a row more", [&](std::vector<Entry>& all) {
        ++all[i].rows;
        all[i].contents.append(row, '\0');
      });
      forge("twice", [&](std::vector<Entry>& all) { all.push_back(all[i]); });
      // A file of strategy BLOCK may lack all skeletons: they are made again.
      if (kind != "dense" || NameOf(entry) != "skeletons.form") {
        forge("removed",
              [&](std::vector<Entry>& all) { all.erase(all.begin() + i); });
      }
      forge("superfluous", [&](std::vector<Entry>& all) {
        all.push_back(all[i]);
        all.back().name[0] = '_';
      });
      if (entry.rows == 0) continue;
      forge("a row less", [&](std::vector<Entry>& all) {
        --all[i].rows;
        all[i].contents.resize(entry.contents.size() - row);
      });
      forge("empty", [&](std::vector<Entry>& all) {
        all[i].rows = 0;
        all[i].contents.clear();
      });
      forge("wider", [&](std::vector<Entry>& all) {
        ++all[i].cols;
        all[i].stride += 8;
        all[i].contents.resize(row / entry.stride * all[i].stride * entry.rows);
      });
    }
  }
}

// The positions of integers in an array: their width and stride.
struct Integers {
  size_t width;
  size_t first;
  size_t step;
};

// The layout is that of Block and Split in memory.
const std::multimap<std::string, Integers>& IntegerArrays() {
  static const auto* const arrays = new std::multimap<std::string, Integers>{
      {"inducing.rows", {8, 0, 8}},        {"partition.rows", {4, 0, 4}},
      {"partition.block_size", {8, 0, 8}}, {"partition.splits", {8, 0, 16}},
      {"skeletons.form", {4, 0, 4}},       {"skeletons.loose_rows", {4, 0, 4}},
      {"skeletons.block_size", {8, 0, 8}}, {"skeletons.blocks", {8, 0, 72}},
      {"skeletons.blocks", {4, 8, 72}},    {"skeletons.blocks", {4, 12, 72}},
      {"skeletons.blocks", {8, 16, 72}},   {"skeletons.blocks", {8, 24, 72}},
      {"skeletons.blocks", {8, 32, 72}},   {"skeletons.blocks", {8, 40, 72}},
      {"skeletons.blocks", {8, 48, 72}},   {"skeletons.blocks", {8, 64, 72}},
      {"skeletons.rows", {4, 0, 4}},       {"skeletons.positions", {4, 0, 4}},
      {"skeletons.members", {4, 0, 4}},    {"skeletons.max_rank", {4, 0, 4}},
      {"skeletons.sound", {1, 0, 1}},      {"cones.min_row", {4, 0, 4}},
      {"tables.has_gaps", {1, 0, 1}},      {"tables.num_blocks", {4, 0, 4}},
      {"tables.positions", {8, 0, 8}},     {"tables.cones", {8, 0, 8}},
      {"tables.ranks", {8, 0, 8}},         {"tables.form", {1, 0, 1}},
      {"tables.rank", {1, 0, 1}},          {"tables.order", {4, 0, 4}},
      {"tables.sound", {1, 0, 1}},
  };
  return *arrays;
}

TEST_F(ForgeryTest, EveryKindOfInteger) {
  int forgeries = 0;
  for (const auto& [kind, file] : files_) {
    const std::vector<Entry> entries = Decode(file);
    for (size_t i = 0; i < entries.size(); ++i) {
      const auto [first, last] =
          IntegerArrays().equal_range(NameOf(entries[i]));
      for (auto array = first; array != last; ++array) {
        const auto [width, start, step] = array->second;
        const std::string& contents = entries[i].contents;
        const size_t count = contents.size() / step;
        if (count == 0) continue;
        for (const size_t at : {size_t{0}, count / 2, count - 1}) {
          const size_t place = at * step + start;
          const size_t other = (at + 1) % count * step + start;
          int64_t duplicate = 0;
          std::memcpy(&duplicate, contents.data() + other, width);
          int64_t own = 0;
          std::memcpy(&own, contents.data() + place, width);
          for (const int64_t value :
               {int64_t{-1}, std::numeric_limits<int64_t>::max(),
                int64_t{1} << 30, int64_t{-1} << 31, int64_t{kRows}, own + 1,
                own - 1, duplicate}) {
            std::vector<Entry> forged = entries;
            forged[i].contents.replace(
                place, width, reinterpret_cast<const char*>(&value), width);
            if (forged[i].contents == contents) continue;
            SCOPED_TRACE(absl::StrCat(kind, ": ", NameOf(entries[i]), " + ",
                                      place, ": ", value));
            // Build could have chosen these: another coordinate to split by, or
            // skeletons that nothing uses.
            int64_t written = 0;
            std::memcpy(&written, forged[i].contents.data() + place, width);
            const std::string name = NameOf(entries[i]);
            if ((name == "partition.splits" && written >= 0 &&
                 written < kDim) ||
                (name == "skeletons.form" &&
                 written == SkeletonBoundConfig::DENSE)) {
              EXPECT_THAT(LoadStatus(Encode(file, forged)), IsOk());
            } else {
              ExpectRefused(Encode(file, forged));
            }
            ++forgeries;
          }
        }
      }
    }
  }
  EXPECT_GT(forgeries, 1000);
}

// Every array of floating-point numbers gets NaN or infinity, or a number that
// contradicts those it follows from.
TEST_F(ForgeryTest, EveryKindOfNumber) {
  const std::set<std::string> singles = {
      "skeletons.e",     "skeletons.norm", "skeletons.squared", "skeletons.w",
      "cones.axes",      "cones.cosine",   "cones.sine",        "cones.length",
      "cones.e",         "tables.step",    "tables.error",      "tables.norm",
      "tables.block_gap"};
  const std::set<std::string> doubles = {"points",
                                         "v",
                                         "variance",
                                         "inverse_sqrt",
                                         "inducing.factor",
                                         "inducing.diagonal",
                                         "costs.points",
                                         "costs.width",
                                         "costs.num_blocks",
                                         "costs.mean_rank",
                                         "costs.hard",
                                         "inducing.coordinates",
                                         "skeletons.factors",
                                         "skeletons.exact_squared",
                                         "skeletons.mean_rank",
                                         "skeletons.diagonals",
                                         "skeletons.residual"};
  const std::set<std::string> determined = {
      "variance",           "inverse_sqrt", "inducing.coordinates",
      "costs.points",       "costs.width",  "inducing.diagonal",
      "skeletons.diagonals"};
  for (const auto& [kind, file] : files_) {
    const std::vector<Entry> entries = Decode(file);
    for (size_t i = 0; i < entries.size(); ++i) {
      const std::string name = NameOf(entries[i]);
      const size_t width = singles.contains(name)   ? sizeof(float)
                           : doubles.contains(name) ? sizeof(double)
                                                    : 0;
      if (width == 0 || entries[i].contents.empty()) continue;
      const size_t count = entries[i].contents.size() / width;
      for (const size_t at : {size_t{0}, count / 2, count - 1}) {
        for (const double value :
             {std::numeric_limits<double>::quiet_NaN(),
              std::numeric_limits<double>::infinity(),
              -std::numeric_limits<double>::infinity(), -1.0, 0.0, 1e30}) {
          SCOPED_TRACE(absl::StrCat(kind, ": ", name, "[", at, "] = ", value));
          const auto single = static_cast<float>(value);
          std::vector<Entry> forged = entries;
          forged[i].contents.replace(
              at * width, width,
              width == sizeof(float) ? reinterpret_cast<const char*>(&single)
                                     : reinterpret_cast<const char*>(&value),
              width);
          const std::string changed = Encode(file, forged);
          if (changed == file) continue;
          const bool own_variance = name == "variance" && kind == "factors";
          if (!std::isfinite(value) ||
              (determined.contains(name) && !own_variance)) {
            ExpectRefused(changed);
          } else {
            LoadStatus(changed).IgnoreError();
          }
        }
      }
    }
  }
}

ResidualConfig& Residual(IndexFileHeader& header) {
  return *header.mutable_options()->mutable_residual();
}

KernelConfig& Kernel(IndexFileHeader& header) {
  return *Residual(header).mutable_kernel();
}

std::string WithHeader(const std::string& file,
                       const std::function<void(IndexFileHeader&)>& change) {
  std::vector<Entry> entries = Decode(file);
  EXPECT_EQ(NameOf(entries[0]), "header");
  IndexFileHeader header;
  EXPECT_TRUE(header.ParseFromString(entries[0].contents));
  change(header);
  entries[0].contents = header.SerializeAsString();
  entries[0].rows = entries[0].contents.size();
  Settle(entries);
  return Encode(file, entries);
}

// Headers contradict the arrays or have impossible options.
TEST_F(ForgeryTest, Header) {
  using Change = void (*)(IndexFileHeader&);
  const std::vector<std::pair<std::string, Change>> changes = {
      {"rows", [](auto& h) { h.set_num_points(-1); }},
      {"dim", [](auto& h) { h.set_dim(h.dim() + 1); }},
      {"m", [](auto& h) { h.set_num_inducing(int64_t{1} << 62); }},
      {"no options", [](auto& h) { h.clear_options(); }},
      {"no strategy", [](auto& h) { h.mutable_options()->clear_strategy(); }},
      {"threads", [](auto& h) { h.mutable_options()->set_threads(-5); }},
      {"unspecified",
       [](auto& h) {
         h.mutable_options()->set_strategy(STRATEGY_UNSPECIFIED);
       }},
      {"tree",
       [](auto& h) { h.mutable_options()->mutable_tree()->set_base(-1); }},
      {"unknown",
       [](auto& h) {
         auto& options = *h.mutable_options();
         options.GetReflection()->MutableUnknownFields(&options)->AddVarint(99,
                                                                            1);
       }},
      {"no such strategy",
       [](auto& h) {
         auto& options = *h.mutable_options();
         options.clear_strategy();
         options.GetReflection()->MutableUnknownFields(&options)->AddVarint(
             IndexOptions::kStrategyFieldNumber, 77);
       }},
      {"names", [](auto& h) { h.mutable_options()->add_coordinate_name("x"); }},
      {"a sphere in the plane",
       [](auto& h) { h.mutable_options()->set_lon_lat(true); }},
      {"no kernel", [](auto& h) { Residual(h).clear_kernel(); }},
      {"family",
       [](auto& h) { Kernel(h).set_family(KernelConfig::FAMILY_UNSPECIFIED); }},
      {"variance", [](auto& h) { Kernel(h).set_variance(-1); }},
      {"lengthscales",
       [](auto& h) {
         Kernel(h).clear_lengthscale();
         for (int i = 0; i < 3; ++i) Kernel(h).add_lengthscale(1);
       }},
      {"lengthscale",
       [](auto& h) {
         Kernel(h).clear_lengthscale();
         Kernel(h).add_lengthscale(0);
       }},
  };
  // These are for files that know their inducing points.
  const std::vector<std::pair<std::string, Change>> of_factors = {
      {"no inducing points", [](auto& h) { Residual(h).clear_inducing(); }},
      {"none", [](auto& h) { Residual(h).mutable_inducing()->mutable_none(); }},
      {"others",
       [](auto& h) {
         Residual(h).mutable_inducing()->mutable_random()->set_seed(9);
       }},
      {"others by k-means++",
       [](auto& h) {
         auto& choice =
             *Residual(h).mutable_inducing()->mutable_kmeans_plus_plus();
         choice.set_count(5);
         choice.set_seed(9);
       }},
      {"others by k-means",
       [](auto& h) {
         auto& choice = *Residual(h).mutable_inducing()->mutable_kmeans();
         choice.set_count(5);
         choice.set_seed(9);
       }},
      {"others by farthest-first",
       [](auto& h) {
         Residual(h).mutable_inducing()->mutable_cover_tree()->set_count(5);
       }},
      {"more of them",
       [](auto& h) {
         Residual(h).mutable_inducing()->mutable_kmeans_plus_plus()->set_count(
             int64_t{1} << 62);
       }},
      {"iterations without end",
       [](auto& h) {
         auto& choice = *Residual(h).mutable_inducing()->mutable_kmeans();
         choice.set_count(5);
         choice.set_iterations(2147483647);
       }},
      {"a row that is not there",
       [](auto& h) {
         Residual(h).mutable_inducing()->mutable_rows()->add_row(1 << 30);
       }},
      {"jitter", [](auto& h) { Residual(h).set_jitter(-1); }},
      {"floor", [](auto& h) { Residual(h).set_variance_floor(0); }},
      {"another floor", [](auto& h) { Residual(h).set_variance_floor(1); }},
      {"another variance", [](auto& h) { Kernel(h).set_variance(2); }},
  };
  for (const auto& [kind, file] : files_) {
    for (const auto* some : {&changes, &of_factors}) {
      if (kind == "factors" && some == &of_factors) continue;
      for (const auto& [what, change] : *some) {
        SCOPED_TRACE(absl::StrCat(kind, ": ", what));
        ExpectRefused(WithHeader(file, change));
      }
    }
  }
}

// Each strategy and form with the arrays of each other one gives an error or an
// index.
TEST_F(ForgeryTest, OtherStrategies) {
  for (const auto& [kind, file] : files_) {
    for (const Strategy strategy :
         {EXHAUSTIVE, LEVEL_SYNCHRONOUS, BEST_FIRST, BLOCK}) {
      for (const auto form :
           {SkeletonBoundConfig::AUTO, SkeletonBoundConfig::TABLES,
            SkeletonBoundConfig::PROJECTIONS, SkeletonBoundConfig::DENSE}) {
        SCOPED_TRACE(absl::StrCat(kind, ": ", Strategy_Name(strategy), " ",
                                  SkeletonBoundConfig::Form_Name(form)));
        LoadStatus(WithHeader(file, [&](IndexFileHeader& header) {
          IndexOptions& options = *header.mutable_options();
          options.clear_heuristics();
          options.set_strategy(strategy);
          if (strategy != BLOCK) return;
          options.mutable_heuristics()->mutable_skeleton_bound()->set_form(
              form);
        })).IgnoreError();
      }
    }
  }
}

// All arrays of one part are removed from a file.
TEST_F(ForgeryTest, PartsOfOtherForms) {
  for (const auto& [kind, file] : files_) {
    const std::vector<Entry> entries = Decode(file);
    for (const std::string part :
         {"costs", "skeletons", "partition", "cones", "tables", "inducing"}) {
      SCOPED_TRACE(absl::StrCat(kind, " without ", part));
      std::vector<Entry> forged;
      for (const Entry& entry : entries) {
        if (!NameOf(entry).starts_with(part + ".")) forged.push_back(entry);
      }
      if (forged.size() == entries.size()) continue;
      if (kind == "dense" && part == "skeletons") continue;  // nothing else
      Settle(forged);
      ExpectRefused(Encode(file, forged));
    }
  }
}

}  // namespace
}  // namespace rct
