// Part files, which `rct graph --shard=I/N` and `rct neighbors --shard=I/N`
// write and `rct join` puts together: archives (base/archive.h) with
//
//     part, parts      int64, the shard
//     queries, points  int64: of the whole search, and the rows there are
//     search           text: what was searched, a line "field<tab>value" each
//     rows, distances  of the shard's queries, q x k; or, with lists, t x 1
//     offsets          q + 1, of lists; none for a table
//     ids.*            identifiers: of the queries, and of all rows in the part
//
// A part holds all that its answer needs to be written, as text with
// identifiers too. Its size is 16 bytes a neighbor, and the identifiers.
//
// Parts belong together where their `search` is the same, field by field. It
// says what decides an answer and nothing else: digests of the coordinates, of
// the inducing points, of the queries, and every option that changes neighbors.
// Strategy, threads and files are not in it, so that parts from different
// machines, some from an index file and some from points, can be joined: their
// bits are the same.

#ifndef RCT_TOOLS_RCT_PART_H_
#define RCT_TOOLS_RCT_PART_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/archive.h"
#include "base/matrix.h"
#include "base/monitor.h"
#include "tools/rct_answer.h"
#include "tools/rct_identifiers.h"
#include "tools/rct_shard.h"

namespace rct {

// What was searched: names of fields and their values, for people and for
// comparison.
using SearchFields = std::vector<std::pair<std::string, std::string>>;

// Texts one after the other.
class Texts {
 public:
  int64_t size() const { return static_cast<int64_t>(ends_.size()); }
  std::string_view operator[](int64_t i) const {
    const int64_t begin = i == 0 ? 0 : ends_[i - 1];
    const std::string_view text = text_;
    return text.substr(begin, ends_[i] - begin);
  }
  void Add(std::string_view text) {
    text_.append(text);
    ends_.push_back(static_cast<int64_t>(text_.size()));
  }

 private:
  friend struct Part;

  std::string text_;
  std::vector<int64_t> ends_;
};

struct Part {
  // Takes the answers of the shard's queries. `ids` has all points and the
  // identifiers of the shard's queries, or no name.
  Part(const Shard& shard, int64_t num_queries, int64_t num_points,
       SearchFields search, const Answers& answers, const Identifiers& ids);

  // Writes the part atomically, with the errors of ArchiveWriter::Write.
  absl::Status Write(const std::string& path, int threads,
                     Monitor* monitor) const;

  // Maps a part file. Returns InvalidArgument, with the fault, where the file
  // is none, damaged or contradicts itself: whatever its bytes are, a part that
  // is returned can be joined and described.
  static absl::StatusOr<Part> Read(const std::string& path, int threads,
                                   Monitor* monitor);
  // Returns whether the file starts as a part file does.
  static bool IsFile(const std::string& path);

  bool all_within() const { return !offsets.empty(); }
  // The shard's queries.
  int64_t size() const { return shard.Count(num_queries); }

  Shard shard;
  int64_t num_queries = 0;
  int64_t num_points = 0;
  SearchFields search;

  Matrix<int64_t> rows;
  Matrix<double> distances;
  std::vector<int64_t> offsets;

  std::string id_column;            // "" where there are no identifiers
  Texts query_ids;                  // by query
  std::vector<int64_t> named_rows;  // ascending: all that `rows` has
  Texts row_ids;                    // of these

 private:
  Part() = default;

  template <class Self, class Archive>
  static void Describe(Self& self, Archive& archive);
  // Refuses arrays that contradict each other.
  void Check(ArchiveReader& archive) const;
  void CheckNumbers(ArchiveReader& archive) const;
  void CheckIdentifiers(ArchiveReader& archive) const;
};

struct JoinedParts {
  Answers answers;
  Identifiers ids;
};

// Returns the answers of all parts of one search, and its identifiers. The
// parts may come in any order; `paths` are their files, for messages. Returns
// InvalidArgument, naming files and fields, where parts are missing, there
// twice, of another number of parts or of another search.
absl::StatusOr<JoinedParts> JoinParts(absl::Span<const Part> parts,
                                      absl::Span<const std::string> paths);

}  // namespace rct

#endif  // RCT_TOOLS_RCT_PART_H_
