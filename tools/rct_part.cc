#include "tools/rct_part.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "base/archive.h"
#include "base/limits.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "base/status_macros.h"
#include "tools/rct_answer.h"
#include "tools/rct_identifiers.h"
#include "tools/rct_shard.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

constexpr ArchiveFormat kPartFormat = {.magic = "\x89rctprt\n",
                                       .version = 1,
                                       .name = "rct part file",
                                       .remedy = "answer this part again"};

std::string TextOf(const SearchFields& search) {
  std::string text;
  for (const auto& [field, value] : search) {
    absl::StrAppend(&text, field, "\t", absl::CEscape(value), "\n");
  }
  return text;
}

// Returns false where `text` is not what TextOf returns.
bool ParseFields(std::string_view text, SearchFields& search) {
  for (const std::string_view line :
       absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const size_t tab = line.find('\t');
    if (tab == std::string_view::npos) return false;
    std::string value;
    if (!absl::CUnescape(line.substr(tab + 1), &value)) return false;
    search.emplace_back(line.substr(0, tab), std::move(value));
  }
  return TextOf(search) == text;
}

template <class T>
Matrix<T> ColumnOf(const std::vector<T>& values) {
  return Matrix<T>::Copy(MatrixView<const T>(
      values.data(), static_cast<int64_t>(values.size()), 1));
}

}  // namespace

Part::Part(const Shard& shard, int64_t num_queries, int64_t num_points,
           SearchFields search, const Answers& answers, const Identifiers& ids)
    : shard(shard),
      num_queries(num_queries),
      num_points(num_points),
      search(std::move(search)) {
  const auto& [all_within, table, lists] = answers;
  if (all_within) {
    offsets = lists.offsets;
    rows = ColumnOf(lists.rows);
    distances = ColumnOf(lists.distances);
  } else {
    rows = Matrix<int64_t>::Copy(table.rows());
    distances = Matrix<double>::Copy(table.distances());
  }
  if (ids.name.empty()) return;
  id_column = ids.name;
  for (const std::string& id : ids.queries) query_ids.Add(id);
  named_rows.assign(rows.data(), rows.data() + rows.rows() * rows.cols());
  std::sort(named_rows.begin(), named_rows.end());
  named_rows.erase(std::unique(named_rows.begin(), named_rows.end()),
                   named_rows.end());
  if (!named_rows.empty() && named_rows[0] == kNoNeighbor) {
    named_rows.erase(named_rows.begin());
  }
  for (const int64_t row : named_rows) {
    row_ids.Add(ids.points[static_cast<size_t>(row)]);
  }
}

template <class Self, class Archive>
void Part::Describe(Self& self, Archive& archive) {
  archive.Value("part", self.shard.part);
  archive.Value("parts", self.shard.parts);
  archive.Value("queries", self.num_queries);
  archive.Value("points", self.num_points);
  archive.Array("rows", self.rows);
  archive.Array("distances", self.distances);
  archive.Array("offsets", self.offsets);
  archive.Value("ids.column", self.id_column);
  archive.Value("ids.queries", self.query_ids.text_);
  archive.Array("ids.query_ends", self.query_ids.ends_);
  archive.Array("ids.rows", self.named_rows);
  archive.Value("ids.names", self.row_ids.text_);
  archive.Array("ids.name_ends", self.row_ids.ends_);
}

absl::Status Part::Write(const std::string& path, int threads,
                         Monitor* monitor) const {
  ArchiveWriter archive;
  archive.Value("search", TextOf(search));
  Describe(*this, archive);
  return archive.Write(path, kPartFormat, threads, monitor);
}

bool Part::IsFile(const std::string& path) {
  return ArchiveReader::Recognizes(path, kPartFormat);
}

absl::StatusOr<Part> Part::Read(const std::string& path, int threads,
                                Monitor* monitor) {
  RCT_ASSIGN_OR_RETURN(
      ArchiveReader archive,
      ArchiveReader::Open(path, kPartFormat, /*map=*/true, threads, monitor));
  Part part;
  std::string search;
  archive.Value("search", search);
  archive.Expect(ParseFields(search, part.search), "search", "is malformed");
  Describe(part, archive);
  RCT_RETURN_IF_ERROR(archive.status());
  part.Check(archive);
  RCT_RETURN_IF_ERROR(archive.Finish());
  return part;
}

void Part::Check(ArchiveReader& archive) const {
  // Every later check relies on those before it.
  if (!archive.Expect(shard.parts >= 1 && shard.parts <= kMaxRows, "parts",
                      "is out of range") ||
      !archive.Expect(shard.part >= 1 && shard.part <= shard.parts, "part",
                      "is out of range") ||
      !archive.Expect(num_queries >= 0 && num_queries <= kMaxRows, "queries",
                      "is out of range") ||
      !archive.Expect(num_points >= 0 && num_points <= kMaxRows, "points",
                      "is out of range") ||
      !archive.Expect(distances.rows() == rows.rows() &&
                          distances.cols() == rows.cols() &&
                          rows.stride() == rows.cols() &&
                          distances.stride() == distances.cols(),
                      "distances", "has another shape than the rows")) {
    return;
  }
  if (all_within()) {
    archive.Expect(rows.cols() == 1 &&
                       static_cast<int64_t>(offsets.size()) == size() + 1 &&
                       offsets.front() == 0 && offsets.back() == rows.rows() &&
                       std::is_sorted(offsets.begin(), offsets.end()),
                   "offsets",
                   "does not divide the rows into the lists of the part");
  } else {
    archive.Expect(rows.rows() == size() && rows.cols() >= 1, "rows",
                   "is not one row for each query of the part");
  }
  if (archive.status().ok()) CheckNumbers(archive);
  if (archive.status().ok()) CheckIdentifiers(archive);
}

void Part::CheckNumbers(ArchiveReader& archive) const {
  const int64_t least = all_within() ? 0 : kNoNeighbor;
  const int64_t count = rows.rows() * rows.cols();
  archive.Expect(std::all_of(rows.data(), rows.data() + count,
                             [&](int64_t row) {
                               return row >= least && row < num_points;
                             }),
                 "rows", "has a row that no point has");
  archive.Expect(std::all_of(distances.data(), distances.data() + count,
                             [](double distance) { return distance >= 0; }),
                 "distances", "has a number that is no distance");
}

void Part::CheckIdentifiers(ArchiveReader& archive) const {
  const auto whole = [](const Texts& texts, int64_t count) {
    const std::vector<int64_t>& ends = texts.ends_;
    return texts.size() == count && std::is_sorted(ends.begin(), ends.end()) &&
           (count == 0
                ? texts.text_.empty()
                : ends.front() >= 0 &&
                      ends.back() == static_cast<int64_t>(texts.text_.size()));
  };
  const bool has_ids = !id_column.empty();
  archive.Expect(whole(query_ids, has_ids ? size() : 0), "ids.query_ends",
                 "does not divide the identifiers of the queries");
  archive.Expect(whole(row_ids, static_cast<int64_t>(named_rows.size())),
                 "ids.name_ends", "does not divide the identifiers of rows");
  const auto first = named_rows.begin(), last = named_rows.end();
  archive.Expect(std::is_sorted(first, last) &&
                     (first == last || (*first >= 0 && last[-1] < num_points)),
                 "ids.rows", "has rows that no point has, or in no order");
  if (!has_ids || !archive.status().ok()) return;
  archive.Expect(
      std::all_of(rows.data(), rows.data() + rows.rows() * rows.cols(),
                  [&](int64_t row) {
                    return row == kNoNeighbor ||
                           std::binary_search(first, last, row);
                  }),
      "ids.rows", "lacks a row that is a neighbor");
}

namespace {

absl::Status DifferentSearch(const std::string& path, const std::string& first,
                             std::string_view difference) {
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": is a part of another search than ", first, ": ",
                   difference, "; join the parts of one search"));
}

// Returns InvalidArgument unless `part` belongs to the search of `first`.
absl::Status CheckSameSearch(const Part& part, const std::string& path,
                             const Part& first, const std::string& first_path) {
  const auto different = [&](std::string_view field, std::string_view value,
                             std::string_view other) {
    return DifferentSearch(
        path, first_path,
        absl::StrCat(field, " is ", value, " in it and ", other, " there"));
  };
  const size_t fields = std::min(part.search.size(), first.search.size());
  for (size_t i = 0; i < fields; ++i) {
    const auto& [field, value] = part.search[i];
    const auto& [other_field, other] = first.search[i];
    if (field != other_field) break;
    if (value != other) return different(field, value, other);
  }
  if (part.shard.parts != first.shard.parts) {
    return different("the number of parts", absl::StrCat(part.shard.parts),
                     absl::StrCat(first.shard.parts));
  }
  if (part.search == first.search && part.num_queries == first.num_queries &&
      part.num_points == first.num_points &&
      part.all_within() == first.all_within() &&
      part.rows.cols() == first.rows.cols() &&
      part.id_column == first.id_column) {
    return absl::OkStatus();
  }
  return DifferentSearch(path, first_path, "their arrays have other shapes");
}

// Returns the numbers of the parts that are missing: "3, 4 and 7 more".
std::string Missing(const std::map<int64_t, const Part*>& by_part,
                    int64_t parts) {
  constexpr int64_t kNamed = 10;
  const int64_t missing = parts - static_cast<int64_t>(by_part.size());
  std::vector<int64_t> named;
  for (int64_t part = 1;
       static_cast<int64_t>(named.size()) < std::min(missing, kNamed); ++part) {
    if (!by_part.contains(part)) named.push_back(part);
  }
  return absl::StrCat(
      absl::StrJoin(named, ", "),
      missing > kNamed ? absl::StrCat(" and ", missing - kNamed, " more") : "");
}

// Returns the parts in the order of their numbers, or InvalidArgument.
absl::StatusOr<std::vector<const Part*>> Sort(
    absl::Span<const Part> parts, absl::Span<const std::string> paths) {
  std::map<int64_t, const Part*> by_part;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Shard& shard = parts[i].shard;
    RCT_RETURN_IF_ERROR(
        CheckSameSearch(parts[i], paths[i], parts[0], paths[0]));
    const auto [place, is_first] = by_part.emplace(shard.part, &parts[i]);
    if (is_first) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(paths[i], ": is part ", ShardName(shard), ", and so is ",
                     paths[static_cast<size_t>(place->second - parts.data())],
                     "; name each part once"));
  }
  const int64_t all = parts[0].shard.parts;
  const int64_t missing = all - static_cast<int64_t>(by_part.size());
  if (missing > 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(missing == 1 ? "part " : "parts ", Missing(by_part, all),
                     " of ", all, missing == 1 ? " is" : " are",
                     " missing; name the files of all parts, in any order"));
  }
  std::vector<const Part*> sorted;
  sorted.reserve(by_part.size());
  for (const auto& [number, part] : by_part) sorted.push_back(part);
  return sorted;
}

// Puts the table of a part into that of all queries.
void Place(const Part& part, NeighborTable& table) {
  for (int64_t i = 0; i < part.size(); ++i) {
    const int64_t query = part.shard.Query(i);
    std::copy_n(part.rows.row(i), table.k(), table.rows().row(query));
    std::copy_n(part.distances.row(i), table.k(), table.distances().row(query));
  }
}

// Returns the lists of all queries.
RangeTable JoinLists(absl::Span<const Part* const> parts) {
  RangeTable lists;
  const Part& first = *parts[0];
  lists.offsets.resize(static_cast<size_t>(first.num_queries) + 1);
  for (const Part* part : parts) {
    for (int64_t i = 0; i < part->size(); ++i) {
      lists.offsets[part->shard.Query(i) + 1] =
          part->offsets[i + 1] - part->offsets[i];
    }
  }
  for (size_t i = 1; i < lists.offsets.size(); ++i) {
    lists.offsets[i] += lists.offsets[i - 1];
  }
  lists.rows.resize(static_cast<size_t>(lists.offsets.back()));
  lists.distances.resize(lists.rows.size());
  for (const Part* part : parts) {
    for (int64_t i = 0; i < part->size(); ++i) {
      const int64_t from = part->offsets[i];
      const int64_t count = part->offsets[i + 1] - from;
      const int64_t to = lists.offsets[part->shard.Query(i)];
      std::copy_n(part->rows.data() + from, count, lists.rows.begin() + to);
      std::copy_n(part->distances.data() + from, count,
                  lists.distances.begin() + to);
    }
  }
  return lists;
}

Identifiers JoinIdentifiers(absl::Span<const Part* const> parts) {
  Identifiers ids;
  const Part& first = *parts[0];
  if (first.id_column.empty()) return ids;
  ids.name = first.id_column;
  ids.points.resize(static_cast<size_t>(first.num_points));
  ids.queries.resize(static_cast<size_t>(first.num_queries));
  for (const Part* part : parts) {
    for (int64_t i = 0; i < part->size(); ++i) {
      ids.queries[part->shard.Query(i)] = std::string(part->query_ids[i]);
    }
    for (int64_t i = 0; i < part->row_ids.size(); ++i) {
      ids.points[part->named_rows[i]] = std::string(part->row_ids[i]);
    }
  }
  return ids;
}

}  // namespace

absl::StatusOr<JoinedParts> JoinParts(absl::Span<const Part> parts,
                                      absl::Span<const std::string> paths) {
  RCT_ASSIGN_OR_RETURN(const std::vector<const Part*> by_part,
                       Sort(parts, paths));
  const Part& first = parts[0];
  JoinedParts joined;
  joined.ids = JoinIdentifiers(by_part);
  joined.answers.all_within = first.all_within();
  if (first.all_within()) {
    joined.answers.lists = JoinLists(by_part);
  } else {
    joined.answers.table = NeighborTable(first.num_queries, first.rows.cols());
    for (const Part* part : by_part) Place(*part, joined.answers.table);
  }
  return joined;
}

}  // namespace rct
