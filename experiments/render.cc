#include "experiments/render.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "experiments/growth.h"
#include "experiments/spread.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

using Known = RunRecord::Deterministic::Case;
using Timed = RunRecord::Measured::Case;

// Returns the quotient, or 0 where the denominator is 0, as a time below the
// clock's step is.
double Ratio(double numerator, double denominator) {
  return denominator == 0 ? 0 : numerator / denominator;
}

// Returns a name of the user's without line breaks, which would end a line of
// Markdown.
std::string OneLine(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\r", " "}, {"\n", " "}});
}

// Returns the distinct numbers of the cases in the order of their first
// occurrence, with slashes between them.
template <class Cases, class Number>
std::string Distinct(const Cases& cases, Number number) {
  std::vector<std::string> found;
  for (const auto& element : cases) {
    std::string text = absl::StrCat(number(element));
    if (std::find(found.begin(), found.end(), text) == found.end()) {
      found.push_back(std::move(text));
    }
  }
  return absl::StrJoin(found, "/");
}

// The result of the gates of a case.
struct Judgment {
  bool pass = true;
  std::string gate;  // as shown
  std::string gold;  // the gold it agrees with, or empty
};

Judgment JudgmentOf(const Known& known) {
  Judgment judgment;
  std::vector<std::string> labels;
  std::vector<std::string> failed;
  for (const auto& verdict : known.verdict()) {
    const bool is_gold = absl::StartsWith(verdict.gate(), "gold ");
    if (is_gold && verdict.pass()) judgment.gold = verdict.gate().substr(5);
    if (!is_gold) labels.push_back(verdict.gate());
    if (!verdict.pass()) failed.push_back(verdict.gate());
  }
  judgment.pass = failed.empty();
  judgment.gate = judgment.pass
                      ? absl::StrJoin(labels, " + ")
                      : absl::StrCat("FAILED ", absl::StrJoin(failed, " + "));
  if (known.approximate()) judgment.gate = "approximate: " + judgment.gate;
  return judgment;
}

// One row of a table.
struct Row : Judgment {
  const Known& known;
  const Timed& timed;
  Spread search{}, ratio{}, ratio_with_build{}, factor{}, index{};
  // The forecasts of the ratios; 0 if there are none.
  double forecast = 0, forecast_with_build = 0;

  bool HasTimes() const { return pass && !timed.search_seconds().empty(); }
};

Row MakeRow(const RunRecord::Deterministic::Workload& workload,
            const RunRecord::Measured::Workload& measured, int i) {
  Row row{JudgmentOf(workload.case_(i)), workload.case_(i), measured.case_(i)};
  const auto expected =
      static_cast<double>(row.known.counters().forecast_evaluations());
  if (expected > 0) {
    const auto all = static_cast<double>(row.known.exhaustive_evaluations());
    // A row of V takes m^2 / 2 multiply-adds, an evaluation m; and new memory
    // takes as long as some evaluations.
    constexpr double kNewMemory = 60;
    const double factor =
        static_cast<double>(workload.num_points()) *
        (static_cast<double>(workload.num_inducing()) / 2 + kNewMemory);
    row.forecast = all / expected;
    row.forecast_with_build =
        (factor + all) /
        (factor + static_cast<double>(row.known.first_forecast_evaluations()));
  }
  if (!row.HasTimes()) return row;

  const auto& factor = measured.factor_seconds();
  std::vector<double> ratio, with_build;
  for (int r = 0; r < row.timed.search_seconds_size(); ++r) {
    const double search = row.timed.search_seconds(r);
    const double exhaustive = row.timed.exhaustive_seconds(r);
    ratio.push_back(Ratio(exhaustive, search));
    with_build.push_back(
        Ratio(factor[r] + exhaustive, factor[r] + row.timed.index_seconds(r) +
                                          row.timed.first_search_seconds(r)));
  }
  row.search = SpreadOf(row.timed.search_seconds());
  row.index = SpreadOf(row.timed.index_seconds());
  row.factor = SpreadOf(factor);
  row.ratio = SpreadOf(ratio);
  row.ratio_with_build = SpreadOf(with_build);
  return row;
}

// Returns the cell of a name.
std::string Cell(absl::string_view name) {
  return absl::StrReplaceAll(OneLine(name), {{"|", "\\|"}});
}

// Returns a note about queries that the gates of a workload did not compare.
std::string AuditNote(const RunRecord::Deterministic::Workload& workload) {
  if (!workload.has_audited_queries()) return "";
  return absl::StrCat(
      "\nAudited: exhaustive search answered ", workload.audited_queries(),
      " queries, drawn at random; gates compare those, and its time is scaled "
      "to all queries.\n");
}

// Returns a line for each gate of a workload that failed, with its message.
std::string FailureNotes(const RunRecord::Deterministic::Workload& workload) {
  std::string notes;
  for (const Known& known : workload.case_()) {
    for (const auto& verdict : known.verdict()) {
      if (verdict.pass()) continue;
      absl::StrAppend(&notes, "\n- ", OneLine(known.name()), ": ",
                      verdict.gate(), " failed: ", verdict.message());
    }
  }
  if (!notes.empty()) notes += "\n";
  return notes;
}

double PerQuery(double total, const RunRecord::Deterministic::Workload& w) {
  return Ratio(total, static_cast<double>(w.num_queries()));
}

double EvaluationsPerQuery(const Known& known,
                           const RunRecord::Deterministic::Workload& w) {
  return PerQuery(static_cast<double>(known.counters().distance_evaluations()),
                  w);
}

double QueriesPerSecond(const Row& row,
                        const RunRecord::Deterministic::Workload& w) {
  return Ratio(static_cast<double>(w.num_queries()), row.search.median);
}

double Mebibytes(int64_t bytes) {
  return static_cast<double>(bytes) / (1024.0 * 1024.0);
}

std::string RatioCell(const Spread& ratio) {
  return absl::StrFormat("%.2f (%.2f-%.2f)", ratio.median, ratio.min,
                         ratio.max);
}

// Returns a table with columns padded to equal width, so that it reads well as
// plain text.
std::string AlignedTable(const std::vector<std::vector<std::string>>& lines) {
  std::vector<size_t> width(lines.front().size(), 0);
  for (const auto& line : lines) {
    for (size_t c = 0; c < line.size(); ++c) {
      width[c] = std::max(width[c], line[c].size());
    }
  }
  std::string result;
  for (size_t l = 0; l < lines.size(); ++l) {
    for (size_t c = 0; c < width.size(); ++c) {
      // The first two columns hold words, the others numbers.
      absl::StrAppend(
          &result, "| ",
          c < 2
              ? absl::StrFormat("%-*s", static_cast<int>(width[c]), lines[l][c])
              : absl::StrFormat("%*s", static_cast<int>(width[c]), lines[l][c]),
          " ");
    }
    result += "|\n";
    if (l > 0) continue;
    for (size_t c = 0; c < width.size(); ++c) {
      absl::StrAppend(&result, c < 2 ? "|:" : "|-", std::string(width[c], '-'),
                      c < 2 ? "-" : ":");
    }
    result += "|\n";
  }
  return result;
}

std::string WorkloadHeading(
    const RunRecord::Deterministic::Workload& workload) {
  return absl::StrFormat(
      "## %s\n\n%d points, d = %d, m = %d, %d queries, k = %s",
      OneLine(workload.name()), workload.num_points(), workload.dimension(),
      workload.num_inducing(), workload.num_queries(),
      Distinct(workload.case_(), [](const Known& known) { return known.k(); }));
}

std::string Title(const RunRecord::Deterministic& known) {
  return known.title().empty() ? "Sweep" : OneLine(known.title());
}

template <class Condition>
bool AnyCase(const RunRecord::Deterministic::Workload& workload,
             Condition condition) {
  return std::any_of(workload.case_().begin(), workload.case_().end(),
                     condition);
}

std::vector<std::string> TimingHeads(bool forecasts) {
  std::vector<std::string> heads = {
      "case",      "gate",         "recall",
      "queries/s", "x exhaustive", "x exhaustive, build counted"};
  if (forecasts) {
    heads.insert(heads.end(), {"forecast", "forecast, build counted"});
  }
  heads.insert(heads.end(), {"evaluations/query", "build s", "peak MiB"});
  return heads;
}

// Returns the cells of a row under TimingHeads().
std::vector<std::string> TimingCells(
    const Row& row, const RunRecord::Deterministic::Workload& workload,
    bool forecasts) {
  const auto timed = [&row](std::string cell) {
    return row.HasTimes() ? std::move(cell) : "-";
  };
  std::vector<std::string> cells = {
      Cell(row.known.name()),
      row.gate,
      absl::StrFormat("%.4f", row.known.recall()),
      timed(absl::StrFormat("%.0f", QueriesPerSecond(row, workload))),
      timed(RatioCell(row.ratio)),
      timed(RatioCell(row.ratio_with_build))};
  if (forecasts) {
    for (const double ratio : {row.forecast, row.forecast_with_build}) {
      cells.push_back(ratio > 0 ? absl::StrFormat("%.2f", ratio) : "-");
    }
  }
  cells.push_back(
      absl::StrFormat("%.1f", EvaluationsPerQuery(row.known, workload)));
  cells.push_back(
      timed(absl::StrFormat("%.2f", row.factor.median + row.index.median)));
  cells.push_back(
      timed(absl::StrFormat("%.0f", Mebibytes(row.timed.peak_rss_bytes()))));
  return cells;
}

// Returns a note about the cases that agree with frozen gold.
std::string GoldNote(const std::vector<std::string>& names) {
  if (names.empty()) return "";
  return absl::StrCat(
      "\nAlso the neighbour sets and, within the stated tolerance, the "
      "distances of the frozen gold: ",
      absl::StrJoin(names, ", "), ".\n");
}

std::string WorkloadTable(const RunRecord::Deterministic::Workload& workload,
                          const RunRecord::Measured::Workload& measured) {
  const bool forecasts = AnyCase(workload, [](const Known& known) {
    return known.counters().forecast_evaluations() > 0;
  });
  std::vector<std::vector<std::string>> lines = {TimingHeads(forecasts)};
  std::vector<std::string> gold;
  for (int i = 0; i < workload.case__size(); ++i) {
    const Row row = MakeRow(workload, measured, i);
    lines.push_back(TimingCells(row, workload, forecasts));
    if (row.pass && !row.gold.empty()) {
      gold.push_back(OneLine(row.known.name()));
    }
  }
  return absl::StrCat(
      WorkloadHeading(workload), ", ",
      Distinct(measured.case_(),
               [](const Timed& timed) { return timed.threads(); }),
      " threads\n\n", AlignedTable(lines), AuditNote(workload),
      FailureNotes(workload), GoldNote(gold));
}

// Returns a table of costs per row, from workload to workload.
std::string GrowthTable(const Growth& growth) {
  std::vector<std::vector<std::string>> lines = {
      {"workload", "case", "n", "m", "evaluations/query",
       "index evaluations/point", "index bytes/point", "V us/point",
       "index us/point", "search us/query"}};
  for (const auto& rows : growth.cases) {
    for (const GrowthRow& row : rows) {
      std::vector<std::string> line = {
          Cell(row.workload),
          Cell(row.name),
          absl::StrCat(row.num_points),
          absl::StrCat(row.num_inducing),
          absl::StrFormat("%.1f", row.search_evaluations),
          absl::StrFormat("%.1f", row.index_evaluations),
          absl::StrFormat("%.0f", row.index_bytes)};
      for (const double us : {row.factor_us, row.index_us, row.search_us}) {
        line.push_back(row.timed ? absl::StrFormat("%.2f", us) : "-");
      }
      lines.push_back(std::move(line));
    }
  }
  return absl::StrCat("## Growth\n\n", AlignedTable(lines));
}

// Returns the mean of a counter over the queries, or of each element of a list.
std::string CounterCell(const SearchCounters& counters,
                        const google::protobuf::FieldDescriptor* field,
                        const RunRecord::Deterministic::Workload& workload) {
  const google::protobuf::Reflection& reflection = *counters.GetReflection();
  const auto cell = [&](int64_t total) {
    return absl::StrFormat("%.1f",
                           PerQuery(static_cast<double>(total), workload));
  };
  if (!field->is_repeated()) {
    return cell(reflection.GetInt64(counters, field));
  }
  std::vector<std::string> cells;
  cells.reserve(reflection.FieldSize(counters, field));
  for (int i = 0; i < reflection.FieldSize(counters, field); ++i) {
    cells.push_back(cell(reflection.GetRepeatedInt64(counters, field, i)));
  }
  return cells.empty() ? "-" : absl::StrJoin(cells, "/");
}

bool HasCounter(const SearchCounters& counters,
                const google::protobuf::FieldDescriptor* field) {
  const google::protobuf::Reflection& reflection = *counters.GetReflection();
  return field->is_repeated() ? reflection.FieldSize(counters, field) > 0
                              : reflection.GetInt64(counters, field) != 0;
}

// Returns the table of counters. Its columns follow from the schema of
// SearchCounters, so that a new counter becomes a new column.
std::string CountersTable(const RunRecord::Deterministic::Workload& workload) {
  std::vector<const google::protobuf::FieldDescriptor*> columns;
  for (int f = 0; f < SearchCounters::descriptor()->field_count(); ++f) {
    const auto* field = SearchCounters::descriptor()->field(f);
    if (AnyCase(workload, [field](const Known& known) {
          return HasCounter(known.counters(), field);
        })) {
      columns.push_back(field);
    }
  }
  const bool has_build = AnyCase(workload, [](const Known& known) {
    return known.build_distance_evaluations() != 0;
  });
  std::vector<std::vector<std::string>> lines = {{"case", "gate", "recall"}};
  for (const auto* field : columns) {
    lines[0].push_back(absl::StrReplaceAll(field->name(), {{"_", " "}}));
  }
  if (has_build) lines[0].push_back("build evaluations");
  for (const Known& known : workload.case_()) {
    std::vector<std::string> line = {Cell(known.name()), JudgmentOf(known).gate,
                                     absl::StrFormat("%.4f", known.recall())};
    for (const auto* field : columns) {
      line.push_back(CounterCell(known.counters(), field, workload));
    }
    if (has_build) {
      line.push_back(absl::StrCat(known.build_distance_evaluations()));
    }
    lines.push_back(std::move(line));
  }
  return absl::StrCat(WorkloadHeading(workload), "\n\n", AlignedTable(lines),
                      AuditNote(workload), FailureNotes(workload));
}

void AppendCsvField(std::string* line, absl::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) {
    absl::StrAppend(line, text);
  } else {
    absl::StrAppend(line, "\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}),
                    "\"");
  }
}

// Returns the fields of a row under kCsvHeader.
std::vector<std::string> CsvFields(
    const Row& row, const RunRecord::Deterministic::Workload& workload) {
  const auto number = [](double value) {
    return absl::StrFormat("%.6g", value);
  };
  const auto timed = [&](double value) {
    return row.HasTimes() ? number(value) : "";
  };
  const auto forecast = [&](double value) {
    return row.forecast > 0 ? number(value) : "";
  };
  return {row.known.name(),
          row.gate,
          number(row.known.recall()),
          timed(QueriesPerSecond(row, workload)),
          timed(row.ratio.median),
          timed(row.ratio_with_build.median),
          number(EvaluationsPerQuery(row.known, workload)),
          timed(row.factor.median + row.index.median),
          timed(Mebibytes(row.timed.peak_rss_bytes())),
          workload.name(),
          row.gold,
          row.known.approximate() ? "true" : "false",
          absl::StrCat(workload.num_points()),
          absl::StrCat(workload.dimension()),
          absl::StrCat(workload.num_inducing()),
          absl::StrCat(workload.num_queries()),
          absl::StrCat(row.known.k()),
          absl::StrCat(row.timed.threads()),
          absl::StrCat(row.timed.search_seconds_size()),
          timed(row.search.median),
          timed(row.search.min),
          timed(row.search.max),
          timed(row.factor.median),
          timed(row.index.median),
          absl::StrCat(row.known.build_distance_evaluations()),
          row.known.result_digest(),
          absl::StrCat(row.known.build_bytes()),
          forecast(row.forecast),
          forecast(row.forecast_with_build)};
}

}  // namespace

std::string RenderTableStart(const RunRecord& record, int workloads) {
  const auto& known = record.deterministic();
  std::string result = absl::StrCat("# ", Title(known), "\n");
  for (int w = 0; w < workloads; ++w) {
    absl::StrAppend(
        &result, "\n",
        WorkloadTable(known.workload(w), record.measured().workload(w)));
  }
  return result;
}

std::string RenderTable(const RunRecord& record) {
  const auto& known = record.deterministic();
  std::string result = RenderTableStart(record, known.workload_size());
  if (const std::optional<Growth> growth = GrowthOf(record)) {
    absl::StrAppend(&result, "\n", GrowthTable(*growth));
  }
  const RunRecord::Provenance& origin = record.provenance();
  absl::StrAppend(
      &result,
      "\nEXACT: rows and distances bit-identical to exhaustive search. Times "
      "are medians of ",
      Distinct(record.measured().workload(),
               [](const RunRecord::Measured::Workload& workload) {
                 return workload.factor_seconds_size();
               }),
      " interleaved repetitions; ratios are medians of each repetition's ratio "
      "(least-greatest). Build: V, p and the index; counted with the first "
      "search. What calls make and the index keeps is there in all other "
      "figures.\n\nCommand: `",
      origin.command(), "`\nConfig: sha256 ", known.config_digest(),
      "\nMachine: ", origin.machine(), ", ", origin.processors(),
      " processors, ", origin.instruction_set(), "\nBuild: commit ",
      origin.commit(), ", ", origin.compiler(), ", ", origin.compilation_mode(),
      "\nTime: ", origin.time(),
      origin.resumed() > 0
          ? absl::StrCat("; stopped and resumed ", origin.resumed(), " times")
          : "",
      "\n");
  return result;
}

std::string RenderCounters(const RunRecord& record) {
  const auto& known = record.deterministic();
  std::string result = absl::StrCat("# ", Title(known), ": counters\n");
  for (const auto& workload : known.workload()) {
    absl::StrAppend(&result, "\n", CountersTable(workload));
  }
  absl::StrAppend(
      &result,
      "\nCounters (SearchCounters in traversal/traversal.proto) are means over "
      "the queries, build evaluations totals. None depends on threads or "
      "time.\n\nCommand: `",
      record.provenance().command(), "`\nConfig: sha256 ",
      known.config_digest(), "\n");
  return result;
}

std::string RenderCsv(const RunRecord& record) {
  std::string result = absl::StrCat(kCsvHeader, "\n");
  for (int w = 0; w < record.deterministic().workload_size(); ++w) {
    const auto& workload = record.deterministic().workload(w);
    const auto& measured = record.measured().workload(w);
    for (int i = 0; i < workload.case__size(); ++i) {
      const std::vector<std::string> fields =
          CsvFields(MakeRow(workload, measured, i), workload);
      absl::StrAppend(&result, absl::StrJoin(fields, ",", AppendCsvField),
                      "\n");
    }
  }
  return result;
}

}  // namespace rct
