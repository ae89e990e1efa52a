#include "parity/gold/gold.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/text_proto.h"
#include "parity/gates.h"
#include "parity/gold/gold.pb.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

absl::StatusOr<Matrix<double>> Parse(std::string_view bytes, double) {
  return ParseNpyMatrix(bytes);
}
absl::StatusOr<Matrix<int64_t>> Parse(std::string_view bytes, int64_t) {
  return ParseNpyIndexMatrix(bytes);
}

// Reads the files of a manifest, whose hashes Create has checked.
class Reader {
 public:
  static absl::StatusOr<Reader> Create(const GoldManifest& manifest,
                                       const GoldFiles& files) {
    Reader reader(files);
    for (int i = 0; i < manifest.file_size(); ++i) {
      const GoldManifest::File& file = manifest.file(i);
      const auto contents = files.find(file.name());
      if (contents == files.end()) {
        return absl::NotFoundError(
            absl::StrCat("file[", i, "].name: no file '", file.name(), "'"));
      }
      const std::string digest = Sha256Hex(contents->second);
      if (digest != file.sha256()) {
        return absl::DataLossError(absl::StrCat(
            file.name(), ": is not the file of the manifest: its SHA-256 is ",
            digest, ", expected '", file.sha256(), "'"));
      }
      if (!reader.listed_.emplace(file.name(), &file).second) {
        return absl::InvalidArgumentError(absl::StrCat(
            "file[", i, "].name: '", file.name(), "' is there twice"));
      }
    }
    return reader;
  }

  // Returns the matrix in the file that the manifest's `field` names.
  template <class T>
  absl::StatusOr<Matrix<T>> Read(std::string_view field,
                                 const std::string& name) const {
    const auto listed = listed_.find(name);
    if (listed == listed_.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ": '", name, "' is not among the files"));
    }
    absl::StatusOr<Matrix<T>> matrix = Parse(files_->at(name), T());
    if (!matrix.ok()) return Annotate(matrix.status(), name);
    const auto& shape = listed->second->shape();
    const int64_t rows = shape.empty() ? -1 : shape[0];
    const int64_t cols = shape.size() < 2 ? 1 : shape[1];
    if (matrix->rows() != rows || matrix->cols() != cols) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": has shape ", matrix->rows(), " x ", matrix->cols(),
          ", its manifest says ", absl::StrJoin(shape, " x ")));
    }
    return matrix;
  }

  // Returns the vector in such a file, a matrix of one column.
  template <class T>
  absl::StatusOr<std::vector<T>> ReadVector(std::string_view field,
                                            const std::string& name) const {
    RCT_ASSIGN_OR_RETURN(const Matrix<T> matrix, Read<T>(field, name));
    if (matrix.cols() != 1) {
      return absl::InvalidArgumentError(absl::StrCat(
          name, ": has ", matrix.cols(), " columns; ", field, " has one"));
    }
    return std::vector<T>(matrix.data(), matrix.data() + matrix.rows());
  }

 private:
  explicit Reader(const GoldFiles& files) : files_(&files) {}

  const GoldFiles* files_;
  std::map<std::string, const GoldManifest::File*> listed_;
};

absl::Status ValidateRows(std::string_view field,
                          const std::vector<int64_t>& rows, int64_t n) {
  for (size_t i = 0; i < rows.size(); ++i) {
    if (0 <= rows[i] && rows[i] < n) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(field, "[", i, "]: row ", rows[i],
                     " is out of range; there are ", n, " points"));
  }
  return absl::OkStatus();
}

absl::Status ValidateDistinct(std::string_view field,
                              std::vector<int64_t> rows) {
  std::sort(rows.begin(), rows.end());
  const auto twice = std::adjacent_find(rows.begin(), rows.end());
  if (twice == rows.end()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": row ", *twice, " is there twice"));
}

// Returns InvalidArgument, naming query and rank, unless all neighbors are rows
// of the points and, with `predecessor`, come before their query.
absl::Status ValidateCandidates(const GoldAnswers& answers, const Gold& gold) {
  const NeighborTable& table = answers.neighbors;
  for (int64_t query = 0; query < table.num_queries(); ++query) {
    const int64_t end =
        answers.predecessor ? gold.query_rows[query] : gold.points.rows();
    for (int64_t rank = 0; rank < table.count(query); ++rank) {
      if (table.rows()(query, rank) < end) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "query ", query, ", rank ", rank, " is row ",
          table.rows()(query, rank), "; its neighbors lie below ", end));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateVariance(const std::vector<double>& variance, int64_t n) {
  if (static_cast<int64_t>(variance.size()) != n) {
    return absl::InvalidArgumentError(absl::StrCat("residual_variance: has ",
                                                   variance.size(),
                                                   " rows for ", n, " points"));
  }
  for (size_t i = 0; i < variance.size(); ++i) {
    if (variance[i] > 0 && std::isfinite(variance[i])) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("residual_variance: row ", i, " is ", variance[i]));
  }
  return absl::OkStatus();
}

// Returns the table of k neighbors for each of `num_queries` queries that
// `rows` and `distances` are.
absl::StatusOr<NeighborTable> MakeTable(int64_t num_queries, int64_t k,
                                        const Matrix<int64_t>& rows,
                                        const Matrix<double>& distances) {
  const auto has_shape = [&](const auto& matrix) {
    return matrix.rows() == num_queries && matrix.cols() == k;
  };
  if (k < 1 || !has_shape(rows) || !has_shape(distances)) {
    return absl::InvalidArgumentError(
        absl::StrCat("k: is ", k, ", with ", num_queries, " queries; rows are ",
                     rows.rows(), " x ", rows.cols(), ", distances ",
                     distances.rows(), " x ", distances.cols()));
  }
  NeighborTable table(num_queries, k);
  std::copy_n(rows.data(), num_queries * k, table.rows().data);
  std::copy_n(distances.data(), num_queries * k, table.distances().data);
  return table;
}

absl::StatusOr<GoldAnswers> ParseAnswers(const GoldManifest::Answers& manifest,
                                         const Reader& reader,
                                         const Gold& gold) {
  GoldAnswers answers;
  answers.name = manifest.name();
  answers.predecessor = manifest.predecessor();
  answers.residual = manifest.residual();
  auto* inducing = answers.residual.mutable_inducing()->mutable_rows();
  inducing->mutable_row()->Assign(gold.inducing_rows.begin(),
                                  gold.inducing_rows.end());

  RCT_ASSIGN_OR_RETURN(const Matrix<int64_t> rows,
                       reader.Read<int64_t>("rows", manifest.rows()));
  RCT_ASSIGN_OR_RETURN(const Matrix<double> distances,
                       reader.Read<double>("distances", manifest.distances()));
  RCT_ASSIGN_OR_RETURN(answers.residual_variance,
                       reader.ReadVector<double>("residual_variance",
                                                 manifest.residual_variance()));
  RCT_ASSIGN_OR_RETURN(answers.neighbors,
                       MakeTable(static_cast<int64_t>(gold.query_rows.size()),
                                 manifest.k(), rows, distances));
  RCT_RETURN_IF_ERROR(ValidateTable(answers.neighbors));
  RCT_RETURN_IF_ERROR(ValidateCandidates(answers, gold));
  RCT_RETURN_IF_ERROR(
      ValidateVariance(answers.residual_variance, gold.points.rows()));
  return answers;
}

}  // namespace

absl::StatusOr<const GoldAnswers*> Gold::Find(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const GoldAnswers& candidate : answers) {
    if (candidate.name == name) return &candidate;
    names.push_back(candidate.name);
  }
  return absl::NotFoundError(absl::StrCat("no answers of the name '", name,
                                          "'; there are ",
                                          absl::StrJoin(names, ", ")));
}

Matrix<double> Gold::Inducing() const {
  Matrix<double> inducing(static_cast<int64_t>(inducing_rows.size()),
                          points.cols());
  for (size_t i = 0; i < inducing_rows.size(); ++i) {
    std::copy_n(points.row(inducing_rows[i]), points.cols(), inducing.row(i));
  }
  return inducing;
}

std::string GoldFolder(const std::string& path) {
  if (!absl::EndsWith(path, ".textproto")) return path;
  const size_t slash = path.rfind('/');
  return slash == path.npos ? "." : path.substr(0, slash);
}

absl::StatusOr<GoldManifest> ReadGoldManifest(const std::string& path) {
  GoldManifest manifest;
  RCT_RETURN_IF_ERROR(
      ReadTextProto(absl::StrCat(GoldFolder(path), "/", kGoldManifestName),
                    manifest)
          .status());
  return manifest;
}

absl::StatusOr<Gold> ParseGold(const GoldManifest& manifest,
                               const GoldFiles& files) {
  RCT_ASSIGN_OR_RETURN(const Reader reader, Reader::Create(manifest, files));
  Gold gold;
  RCT_ASSIGN_OR_RETURN(gold.points,
                       reader.Read<double>("points", manifest.points()));
  RCT_ASSIGN_OR_RETURN(
      gold.query_rows,
      reader.ReadVector<int64_t>("query_rows", manifest.query_rows()));
  RCT_ASSIGN_OR_RETURN(
      gold.inducing_rows,
      reader.ReadVector<int64_t>("inducing_rows", manifest.inducing_rows()));
  const int64_t n = gold.points.rows();
  RCT_RETURN_IF_ERROR(ValidateRows("query_rows", gold.query_rows, n));
  RCT_RETURN_IF_ERROR(ValidateRows("inducing_rows", gold.inducing_rows, n));
  RCT_RETURN_IF_ERROR(ValidateDistinct("inducing_rows", gold.inducing_rows));

  std::set<std::string> names;
  for (int i = 0; i < manifest.answers_size(); ++i) {
    const GoldManifest::Answers& answers = manifest.answers(i);
    const std::string field = absl::StrCat("answers[", i, "]");
    if (answers.name().empty() || !names.insert(answers.name()).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          field, ".name: '", answers.name(), "' is empty or there twice"));
    }
    absl::StatusOr<GoldAnswers> parsed = ParseAnswers(answers, reader, gold);
    if (!parsed.ok()) return Annotate(parsed.status(), field);
    gold.answers.push_back(*std::move(parsed));
  }
  return gold;
}

absl::StatusOr<Gold> LoadGold(const std::string& path) {
  RCT_ASSIGN_OR_RETURN(const GoldManifest manifest, ReadGoldManifest(path));
  GoldFiles files;
  for (const GoldManifest::File& file : manifest.file()) {
    RCT_ASSIGN_OR_RETURN(
        files[file.name()],
        ReadFile(absl::StrCat(GoldFolder(path), "/", file.name())));
  }
  absl::StatusOr<Gold> gold = ParseGold(manifest, files);
  if (!gold.ok()) return Annotate(gold.status(), GoldFolder(path));
  return gold;
}

}  // namespace rct
