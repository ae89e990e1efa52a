#include "tools/rct_unique.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/csv.h"
#include "base/csv_record.h"
#include "base/file.h"
#include "base/matrix.h"
#include "base/matrix_file.h"
#include "base/monitor.h"
#include "base/npy.h"
#include "base/status_macros.h"
#include "index/places.h"
#include "tools/rct_coordinates.h"
#include "tools/rct_flags.h"
#include "tools/rct_input.h"
#include "tools/rct_output.h"

namespace rct {
namespace {

constexpr std::string_view kHelp =
    R"(rct unique: the distinct places of your points, each once.

Points are at one place if all their coordinates are equal. Places are numbered
from 0 by their first appearance. Files are .npy, .csv, .tsv or .fvecs, also
with .gz, or - for stdin and stdout; .fvecs and .gz are not written.

  --points=FILE             your points, n x d
    --columns=NAME[,NAME...]  only these columns
    --lonlat                the first two are longitude and latitude, degrees:
                            180 E is 180 W, and a pole is one place
    --id_column=NAME        identifiers, which --out_points keeps
  --header=yes|no           first lines of text are names of columns, or data;
                            default: they must be names, and none a number
  --out_points=FILE         the first point of each place, as it was
  --out_inverse=FILE        for each point its place, int64, n
  --out_counts=FILE         for each place how many points are there, int64
  --format=npy|csv|tsv      where the ending of FILE does not say it

Example
  printf 'x,y\n0,0\n3,4\n0,0\n' >p.csv
  rct unique --points=p.csv --out_points=places.csv --out_inverse=place_of.csv
)";

// Returns the rows of places as text, with names and identifiers.
std::string Text(const UniqueTask& task, const Table<double>& table,
                 const Places& places) {
  CsvWriter writer(SeparatorOf(task.out_points.format));
  const int64_t cols = table.values.cols();
  if (!table.ids.empty()) writer.Text(task.coordinates.id_column);
  for (int64_t j = 0; j < cols; ++j) {
    writer.Text(table.names.empty() ? absl::StrCat("coordinate_", j + 1)
                                    : table.names[static_cast<size_t>(j)]);
  }
  writer.EndRow();
  for (const int64_t row : places.first_rows) {
    if (!table.ids.empty()) writer.Text(table.ids[static_cast<size_t>(row)]);
    for (int64_t j = 0; j < cols; ++j) writer.Number(table.values(row, j));
    writer.EndRow();
  }
  return writer.Take();
}

std::string Serialize(const UniqueTask& task, const Table<double>& table,
                      const Places& places) {
  if (task.out_points.format != MatrixFormat::kNpy) {
    return Text(task, table, places);
  }
  Matrix<double> points(places.size(), table.values.cols());
  for (int64_t i = 0; i < points.rows(); ++i) {
    std::copy_n(table.values.row(places.first_rows[static_cast<size_t>(i)]),
                points.cols(), points.row(i));
  }
  return SerializeNpy(std::as_const(points).view());
}

// Returns the places of points, as the flags mean their coordinates.
absl::StatusOr<Places> FindPlaces(const UniqueTask& task,
                                  const Table<double>& table) {
  if (!task.coordinates.lon_lat) return UniquePlaces(table.values.view());
  Table<double> chords{table.names, table.values.Clone()};
  RCT_RETURN_IF_ERROR(
      Annotate(Annotate(ConvertLonLat(chords), task.points), "--points"));
  return UniquePlaces(std::as_const(chords.values).view());
}

absl::StatusOr<Table<double>> ReadPoints(const UniqueTask& task,
                                         Monitor& monitor) {
  absl::StatusOr<Table<double>> table =
      ReadInputPoints(task.points, {.header = task.header, .monitor = &monitor},
                      task.coordinates);
  if (!table.ok()) return Annotate(table.status(), "--points");
  RCT_RETURN_IF_ERROR(
      Annotate(CheckInputPoints(task.points, *table), "--points"));
  return table;
}

}  // namespace

absl::StatusOr<UniqueTask> ParseUniqueTask(
    absl::Span<const std::string> arguments) {
  UniqueTask task;
  std::optional<int> header, format;
  FlagSet flags;
  flags.Text("points", &task.points);
  task.coordinates.Declare(flags);
  task.coordinates.DeclareIdColumn(flags);
  flags.Choice("header", HeaderNames(), &header);
  flags.Text("out_points", &task.out_points.path);
  flags.Text("out_inverse", &task.out_inverse.path);
  flags.Text("out_counts", &task.out_counts.path);
  flags.Choice("format", FormatNames(), &format);
  RCT_ASSIGN_OR_RETURN(const std::vector<std::string> rest,
                       flags.Parse(arguments));
  if (!rest.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "unexpected argument '", rest[0], "'; flags are written --name=value"));
  }
  if (task.points.empty()) {
    return absl::InvalidArgumentError(
        "--points is missing: the file with your points");
  }
  bool any = false;
  for (const auto& [flag, file] : {std::pair<std::string_view, OutputFile*>{
                                       "--out_points", &task.out_points},
                                   {"--out_inverse", &task.out_inverse},
                                   {"--out_counts", &task.out_counts}}) {
    if (file->path.empty()) continue;
    any = true;
    RCT_ASSIGN_OR_RETURN(file->format, OutputFormat(flag, file->path, format));
  }
  if (!any) {
    return absl::InvalidArgumentError(
        "--out_points, --out_inverse or --out_counts is missing: a file for "
        "the answer");
  }
  task.header = HeaderOf(header);
  return task;
}

std::string UniqueHelp() { return std::string(kHelp); }

absl::StatusOr<std::string> RunUnique(
    const UniqueTask& task, const std::function<bool()>& interrupted) {
  RCT_RETURN_IF_ERROR(CheckFiles({{"--points", task.points}},
                                 {{"--out_points", task.out_points.path},
                                  {"--out_inverse", task.out_inverse.path},
                                  {"--out_counts", task.out_counts.path}}));
  Monitor monitor([&interrupted](double) { return !interrupted(); });
  RCT_ASSIGN_OR_RETURN(const Table<double> table, ReadPoints(task, monitor));
  RCT_ASSIGN_OR_RETURN(const Places places, FindPlaces(task, table));
  std::vector<std::pair<std::string, std::string>> outputs;  // path, contents
  if (!task.out_points.path.empty()) {
    outputs.emplace_back(task.out_points.path, Serialize(task, table, places));
  }
  if (const auto& [path, format] = task.out_inverse; !path.empty()) {
    outputs.emplace_back(path, SerializeOutput(format, "place", places.places));
  }
  if (const auto& [path, format] = task.out_counts; !path.empty()) {
    outputs.emplace_back(path, SerializeOutput(format, "count", places.counts));
  }
  std::vector<FileToWrite> files;
  std::string report;
  for (const auto& [path, contents] : outputs) {
    files.push_back({OutputPath(path), contents});
    absl::StrAppend(&report, report.empty() ? "wrote " : " and ", path);
  }
  RCT_RETURN_IF_ERROR(WriteFilesAtomically(files, &monitor));
  return absl::StrCat(report, ": ", places.size(), " places of ",
                      table.values.rows(), " points");
}

}  // namespace rct
