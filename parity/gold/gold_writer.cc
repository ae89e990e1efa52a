#include "parity/gold/gold_writer.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <istream>
#include <map>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/npy.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "base/text_proto.h"
#include "parity/gold/gold.h"
#include "parity/gold/gold.pb.h"
#include "parity/gold/gold_oracle.h"
#include "parity/oracle.h"
#include "traversal/neighbor_table.h"

namespace rct {
namespace {

constexpr std::string_view kManifestHeader =
    "# proto-file: parity/gold/gold.proto\n"
    "# proto-message: rct.GoldManifest\n";

// The number of digits of a digest that the second question asks for.
constexpr size_t kDigits = 12;

// A growing folder: the manifest and the files that it lists.
class Folder {
 public:
  // Starts from a manifest whose list may be incomplete.
  explicit Folder(GoldManifest draft) : manifest_(std::move(draft)) {
    for (const GoldManifest::File& file : manifest_.file()) {
      drafts_[file.name()] = file;
    }
    manifest_.clear_file();
  }

  const GoldManifest& manifest() const { return manifest_; }
  const GoldFiles& files() const { return files_; }

  // Returns the draft's entry for a file, or a new one.
  GoldManifest::File Entry(const std::string& name) const {
    const auto draft = drafts_.find(name);
    if (draft != drafts_.end()) return draft->second;
    GoldManifest::File entry;
    entry.set_name(name);
    return entry;
  }

  // Adds a file with its hash and shape. Answers that share a file agree on it.
  absl::Status Add(std::string_view field, const std::string& name,
                   std::vector<int64_t> shape, std::string contents) {
    if (name.empty() || absl::StrContains(name, '/')) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ": '", name, "' is no name of a file"));
    }
    const auto [file, is_new] = files_.emplace(name, contents);
    if (!is_new) {
      if (file->second == contents) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat(
          field, ": '", name, "' would have two different contents"));
    }
    GoldManifest::File entry = Entry(name);
    entry.set_sha256(Sha256Hex(contents));
    entry.mutable_shape()->Assign(shape.begin(), shape.end());
    *manifest_.add_file() = std::move(entry);
    return absl::OkStatus();
  }

 private:
  GoldManifest manifest_;
  GoldFiles files_;
  std::map<std::string, GoldManifest::File> drafts_;
};

std::vector<int64_t> ShapeOf(const Matrix<double>& matrix) {
  return {matrix.rows(), matrix.cols()};
}
std::vector<int64_t> ShapeOf(const std::vector<int64_t>& rows) {
  return {static_cast<int64_t>(rows.size())};
}

template <class T>
absl::Status AddInput(const std::string& path, std::string_view field,
                      const std::string& name,
                      absl::StatusOr<T> (*parse)(std::string_view bytes),
                      Folder& folder) {
  RCT_ASSIGN_OR_RETURN(std::string contents,
                       ReadFile(absl::StrCat(GoldFolder(path), "/", name)));
  const std::string known = folder.Entry(name).sha256();
  if (!known.empty() && known != Sha256Hex(contents)) {
    return absl::DataLossError(
        absl::StrCat(name, ": is not the file of the manifest"));
  }
  const absl::StatusOr<T> parsed = parse(contents);
  if (!parsed.ok()) return Annotate(parsed.status(), name);
  return folder.Add(field, name, ShapeOf(*parsed), std::move(contents));
}

absl::Status AddAnswers(const GoldManifest::Answers& answers, const Gold& gold,
                        int num_threads, GoldOracle& oracle, Folder& folder) {
  RCT_ASSIGN_OR_RETURN(const OracleProblem* problem,
                       oracle.Problem(answers.residual()));
  OracleSearchOptions options;
  options.predecessor = answers.predecessor();
  RCT_ASSIGN_OR_RETURN(
      const NeighborTable table,
      problem->Search(gold.query_rows, answers.k(), options, num_threads));
  std::vector<double> variance(problem->size());
  for (int64_t i = 0; i < problem->size(); ++i) {
    variance[i] = static_cast<double>(problem->ResidualVariance(i));
  }
  const std::vector<int64_t> shape = {table.num_queries(), table.k()};
  RCT_RETURN_IF_ERROR(
      folder.Add("rows", answers.rows(), shape, SerializeNpy(table.rows())));
  RCT_RETURN_IF_ERROR(folder.Add("distances", answers.distances(), shape,
                                 SerializeNpy(table.distances())));
  return folder.Add("residual_variance", answers.residual_variance(),
                    {problem->size()}, SerializeNpy(variance));
}

// Returns a description of the differences between two matrices of one type:
// how many numbers differ, and by how much at most.
template <class T>
std::string CountDifferences(const Matrix<T>& a, const Matrix<T>& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return "another shape";
  const int64_t size = a.rows() * a.cols();
  int64_t count = 0;
  double largest = 0;
  for (int64_t i = 0; i < size; ++i) {
    if (a.data()[i] == b.data()[i]) continue;
    ++count;
    largest = std::max(largest, std::abs(static_cast<double>(a.data()[i]) -
                                         static_cast<double>(b.data()[i])));
  }
  return absl::StrCat(count, " of ", size, " numbers differ, by up to ",
                      largest);
}

std::string DescribeChange(std::string_view before, std::string_view after) {
  const auto values_before = ParseNpyMatrix(before);
  const auto values_after = ParseNpyMatrix(after);
  if (values_before.ok() && values_after.ok()) {
    return CountDifferences(*values_before, *values_after);
  }
  const auto rows_before = ParseNpyIndexMatrix(before);
  const auto rows_after = ParseNpyIndexMatrix(after);
  if (rows_before.ok() && rows_after.ok()) {
    return CountDifferences(*rows_before, *rows_after);
  }
  return absl::StrCat(before.size(), " bytes become ", after.size());
}

// Asks a question and returns the line that was typed, or "" at the end of the
// input.
std::string Ask(std::string_view question, std::istream& keyboard,
                std::ostream& screen) {
  screen << question << std::flush;
  std::string answer;
  std::getline(keyboard, answer);
  return std::string(absl::StripAsciiWhitespace(answer));
}

// Shows the changes and asks both questions. `replaced`, which is not empty,
// maps names to present contents.
absl::Status Confirm(const GoldFiles& replaced, const GoldFiles& files,
                     const std::string& folder, std::istream* keyboard,
                     std::ostream& screen) {
  const std::string what = absl::StrCat(replaced.size(), " frozen file",
                                        replaced.size() == 1 ? "" : "s");
  screen << folder << ": this would replace " << what << "\n";
  for (const auto& [name, before] : replaced) {
    screen << "  " << name << ": " << DescribeChange(before, files.at(name))
           << "\n";
  }
  if (keyboard == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, ": would replace ", what,
                     ", and there is no terminal to ask at; nothing written"));
  }
  const absl::Status aborted =
      absl::AbortedError(absl::StrCat(folder, ": nothing written"));
  screen << "Results that were held against these files can not be compared "
            "with later ones.\n";
  if (Ask("Type 'replace' to go on: ", *keyboard, screen) != "replace") {
    return aborted;
  }
  const auto manifest = replaced.find(std::string(kGoldManifestName));
  const auto& [name, contents] =
      manifest == replaced.end() ? *replaced.begin() : *manifest;
  if (Ask(absl::StrCat("Type the first ", kDigits, " digits of the SHA-256 of ",
                       folder, "/", name, " as it is now: "),
          *keyboard, screen) != Sha256Hex(contents).substr(0, kDigits)) {
    return aborted;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<GoldFiles> MakeGold(const std::string& path, int num_threads) {
  RCT_ASSIGN_OR_RETURN(GoldManifest draft, ReadGoldManifest(path));
  const GoldManifest workload = draft;
  Folder folder(std::move(draft));
  RCT_RETURN_IF_ERROR(
      AddInput(path, "points", workload.points(), ParseNpyMatrix, folder));
  RCT_RETURN_IF_ERROR(AddInput(path, "query_rows", workload.query_rows(),
                               ParseNpyIndices, folder));
  RCT_RETURN_IF_ERROR(AddInput(path, "inducing_rows", workload.inducing_rows(),
                               ParseNpyIndices, folder));
  GoldManifest inputs = folder.manifest();
  inputs.clear_answers();
  RCT_ASSIGN_OR_RETURN(const Gold gold, ParseGold(inputs, folder.files()));

  GoldOracle oracle(gold, num_threads);
  for (int i = 0; i < workload.answers_size(); ++i) {
    RCT_RETURN_IF_ERROR(Annotate(
        AddAnswers(workload.answers(i), gold, num_threads, oracle, folder),
        absl::StrCat("answers[", i, "]")));
  }
  // LoadGold must be able to read the folder.
  RCT_RETURN_IF_ERROR(ParseGold(folder.manifest(), folder.files()).status());
  GoldFiles files = folder.files();
  files[std::string(kGoldManifestName)] =
      absl::StrCat(kManifestHeader, WriteTextProto(folder.manifest()));
  return files;
}

absl::Status WriteGold(const GoldFiles& files, const std::string& folder,
                       std::istream* keyboard, std::ostream& screen) {
  std::vector<std::string> changed;  // the manifest last
  GoldFiles replaced;
  for (const auto& [name, contents] : files) {
    absl::StatusOr<std::string> present =
        ReadFile(absl::StrCat(folder, "/", name));
    if (!present.ok() && !absl::IsNotFound(present.status())) {
      return present.status();
    }
    if (present.ok() && *present == contents) continue;
    if (present.ok()) replaced[name] = *std::move(present);
    changed.insert(name == kGoldManifestName ? changed.end() : changed.begin(),
                   name);
  }
  if (!replaced.empty()) {
    RCT_RETURN_IF_ERROR(Confirm(replaced, files, folder, keyboard, screen));
  }
  RCT_RETURN_IF_ERROR(MakeDirectories(folder));
  for (const std::string& name : changed) {
    RCT_RETURN_IF_ERROR(
        WriteFileAtomically(absl::StrCat(folder, "/", name), files.at(name)));
    screen << "wrote " << folder << "/" << name << "\n";
  }
  if (changed.empty()) screen << folder << ": nothing to change\n";
  return absl::OkStatus();
}

}  // namespace rct
