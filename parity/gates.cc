#include "parity/gates.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "parity/gate.pb.h"
#include "traversal/neighbor_table.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

// Returns the shortest text that reads back as the same number.
std::string Shortest(double value) {
  char text[32];
  return std::string(text, std::to_chars(text, text + 32, value).ptr);
}

std::string Place(int64_t query, int64_t rank) {
  return absl::StrCat("query ", query, ", rank ", rank);
}

std::string Distance(double distance) {
  return absl::StrFormat("%a (%s)", distance, Shortest(distance));
}

std::string Entry(const NeighborTable& table, int64_t query, int64_t rank) {
  const int64_t row = table.rows()(query, rank);
  return absl::StrCat(row == kNoNeighbor ? "no row" : absl::StrCat("row ", row),
                      " at ", Distance(table.distances()(query, rank)));
}

std::string Shape(const NeighborTable& table) {
  return absl::StrCat(table.num_queries(), " x ", table.k());
}

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

// Returns the rank of each of a query's neighbors.
std::unordered_map<int64_t, int64_t> Ranks(const NeighborTable& table,
                                           int64_t query) {
  std::unordered_map<int64_t, int64_t> ranks;
  const int64_t count = table.count(query);
  for (int64_t rank = 0; rank < count; ++rank) {
    ranks.emplace(table.rows()(query, rank), rank);
  }
  return ranks;
}

double Recall(const NeighborTable& actual, const NeighborTable& expected) {
  if (actual.num_queries() != expected.num_queries() ||
      actual.k() != expected.k()) {
    return 0;
  }
  int64_t wanted = 0;
  int64_t found = 0;
  for (int64_t query = 0; query < expected.num_queries(); ++query) {
    const auto ranks = Ranks(actual, query);
    const int64_t count = expected.count(query);
    for (int64_t rank = 0; rank < count; ++rank) {
      found += ranks.contains(expected.rows()(query, rank));
    }
    wanted += count;
  }
  return wanted == 0 ? 1 : static_cast<double>(found) / wanted;
}

// Returns the reason why two tables cannot be compared, or "".
std::string Incomparable(const NeighborTable& actual,
                         const NeighborTable& expected) {
  if (absl::Status status = ValidateTable(expected); !status.ok()) {
    return absl::StrCat("the expected table is malformed: ", status.message());
  }
  if (actual.num_queries() != expected.num_queries() ||
      actual.k() != expected.k()) {
    return absl::StrCat("shape: expected ", Shape(expected), ", found ",
                        Shape(actual));
  }
  if (absl::Status status = ValidateTable(actual); !status.ok()) {
    return absl::StrCat("malformed: ", status.message());
  }
  return "";
}

std::string BitDifference(const NeighborTable& actual,
                          const NeighborTable& expected) {
  for (int64_t query = 0; query < expected.num_queries(); ++query) {
    for (int64_t rank = 0; rank < expected.k(); ++rank) {
      if (actual.rows()(query, rank) == expected.rows()(query, rank) &&
          SameBits(actual.distances()(query, rank),
                   expected.distances()(query, rank))) {
        continue;
      }
      return absl::StrCat(Place(query, rank), ": expected ",
                          Entry(expected, query, rank), ", found ",
                          Entry(actual, query, rank));
    }
  }
  return "";
}

std::string SetDifference(const NeighborTable& actual,
                          const NeighborTable& expected, double tolerance) {
  for (int64_t query = 0; query < expected.num_queries(); ++query) {
    const auto ranks = Ranks(actual, query);
    const int64_t count = expected.count(query);
    for (int64_t rank = 0; rank < count; ++rank) {
      const auto place = ranks.find(expected.rows()(query, rank));
      if (place == ranks.end()) {
        return absl::StrCat(Place(query, rank), ": expected ",
                            Entry(expected, query, rank),
                            ", which was not found; at that rank is ",
                            Entry(actual, query, rank));
      }
      const double wanted = expected.distances()(query, rank);
      const double found = actual.distances()(query, place->second);
      if (std::abs(found - wanted) > tolerance) {
        return absl::StrCat(Place(query, rank), ": expected ",
                            Entry(expected, query, rank), ", found it at ",
                            Distance(found), ", ",
                            Shortest(std::abs(found - wanted)), " away");
      }
    }
    if (actual.count(query) != count) {
      return absl::StrCat(Place(query, count), ": expected ", count,
                          " neighbors, found ", Entry(actual, query, count),
                          " too");
    }
  }
  return "";
}

Verdict Decide(std::string label, std::string message, double recall) {
  Verdict verdict;
  verdict.pass = message.empty();
  verdict.recall = recall;
  verdict.label = std::move(label);
  verdict.message = std::move(message);
  return verdict;
}

// Returns the counter of that name, or null if there is none or it is a list.
const google::protobuf::FieldDescriptor* FindCounter(const std::string& name) {
  const auto* field = SearchCounters::descriptor()->FindFieldByName(name);
  return field == nullptr || field->is_repeated() ? nullptr : field;
}

Verdict CheckCounterAtMost(const Gate::CounterAtMost& gate, double recall,
                           int64_t num_queries,
                           const SearchCounters& counters) {
  const int64_t count =
      counters.GetReflection()->GetInt64(counters, FindCounter(gate.counter()));
  const bool total = gate.limit_case() == Gate::CounterAtMost::kTotal;
  const std::string limit = total ? absl::StrCat(gate.total())
                                  : Shortest(gate.per_query()) + " per query";
  std::string message;
  if (total ? count > gate.total()
            : count > gate.per_query() * static_cast<double>(num_queries)) {
    message = absl::StrCat(gate.counter(), ": expected at most ", limit,
                           ", found ", count, " in ", num_queries, " queries");
  }
  return Decide(
      absl::StrCat("COUNTER_AT_MOST(", gate.counter(), ", ", limit, ")"),
      std::move(message), recall);
}

absl::Status OutOfRange(std::string_view field, double value,
                        std::string_view range) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": is ", value, "; must be ", range));
}

absl::Status ValidateCounterAtMost(const Gate::CounterAtMost& gate) {
  if (FindCounter(gate.counter()) == nullptr) {
    const auto* counters = SearchCounters::descriptor();
    std::vector<std::string> names;
    for (int i = 0; i < counters->field_count(); ++i) {
      if (FindCounter(counters->field(i)->name()) != nullptr) {
        names.push_back(counters->field(i)->name());
      }
    }
    return absl::InvalidArgumentError(
        absl::StrCat("counter_at_most.counter: is '", gate.counter(),
                     "'; must be one of ", absl::StrJoin(names, ", ")));
  }
  switch (gate.limit_case()) {
    case Gate::CounterAtMost::kTotal:
      if (gate.total() >= 0) return absl::OkStatus();
      return OutOfRange("counter_at_most.total",
                        static_cast<double>(gate.total()), "at least 0");
    case Gate::CounterAtMost::kPerQuery:
      if (gate.per_query() >= 0) return absl::OkStatus();
      return OutOfRange("counter_at_most.per_query", gate.per_query(),
                        "at least 0");
    case Gate::CounterAtMost::LIMIT_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "counter_at_most.limit: not given; choose total or per_query");
}

}  // namespace

absl::Status ValidateTable(const NeighborTable& table) {
  for (int64_t query = 0; query < table.num_queries(); ++query) {
    std::unordered_set<int64_t> seen;
    const int64_t count = table.count(query);
    for (int64_t rank = 0; rank < table.k(); ++rank) {
      const int64_t row = table.rows()(query, rank);
      const double distance = table.distances()(query, rank);
      std::string_view problem;
      if (rank >= count) {
        if (row != kNoNeighbor ||
            distance != std::numeric_limits<double>::infinity()) {
          problem = "padding is at infinity";
        }
      } else if (row < 0) {
        problem = "rows are not negative";
      } else if (!(distance >= 0) || !std::isfinite(distance)) {
        problem = "distances are finite and not negative";
      } else if (!seen.insert(row).second) {
        problem = "each row comes once";
      } else if (rank > 0) {
        const double last = table.distances()(query, rank - 1);
        if (distance < last ||
            (distance == last && row < table.rows()(query, rank - 1))) {
          problem = "the order is that of (distance, row)";
        }
      }
      if (!problem.empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat(Place(query, rank), " is ", Entry(table, query, rank),
                         ", but ", problem));
      }
    }
  }
  return absl::OkStatus();
}

Verdict CheckExact(const NeighborTable& actual, const NeighborTable& expected) {
  std::string message = Incomparable(actual, expected);
  if (message.empty()) message = BitDifference(actual, expected);
  return Decide("EXACT", std::move(message), Recall(actual, expected));
}

Verdict CheckSetEqualWithin(const NeighborTable& actual,
                            const NeighborTable& expected, double tolerance) {
  RCT_CHECK(tolerance >= 0);
  std::string message = Incomparable(actual, expected);
  if (message.empty()) message = SetDifference(actual, expected, tolerance);
  return Decide(absl::StrCat("SET_EQUAL_WITHIN(", Shortest(tolerance), ")"),
                std::move(message), Recall(actual, expected));
}

Verdict CheckRecallAtLeast(const NeighborTable& actual,
                           const NeighborTable& expected, double threshold) {
  RCT_CHECK(threshold >= 0 && threshold <= 1);
  const double recall = Recall(actual, expected);
  std::string message = Incomparable(actual, expected);
  if (message.empty() && recall < threshold) {
    message = absl::StrCat(
        "recall ", Shortest(recall), "; the first that is missing: ",
        SetDifference(actual, expected,
                      std::numeric_limits<double>::infinity()));
  }
  return Decide(absl::StrCat("RECALL_AT_LEAST(", Shortest(threshold), ")"),
                std::move(message), recall);
}

absl::Status ValidateGate(const Gate& gate) {
  switch (gate.kind_case()) {
    case Gate::kExact:
      return absl::OkStatus();
    case Gate::kSetEqualWithin: {
      const double tolerance = gate.set_equal_within().tolerance();
      if (tolerance >= 0 && std::isfinite(tolerance)) return absl::OkStatus();
      return OutOfRange("set_equal_within.tolerance", tolerance,
                        "at least 0 and finite");
    }
    case Gate::kRecallAtLeast: {
      if (!gate.recall_at_least().has_threshold()) {
        return absl::InvalidArgumentError(
            "recall_at_least.threshold: not given");
      }
      const double threshold = gate.recall_at_least().threshold();
      if (threshold >= 0 && threshold <= 1) return absl::OkStatus();
      return OutOfRange("recall_at_least.threshold", threshold, "from 0 to 1");
    }
    case Gate::kCounterAtMost:
      return ValidateCounterAtMost(gate.counter_at_most());
    case Gate::KIND_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "kind: not given; choose exact, set_equal_within, recall_at_least or "
      "counter_at_most");
}

absl::StatusOr<Verdict> CheckGate(const Gate& gate, const NeighborTable& actual,
                                  const NeighborTable& expected,
                                  const SearchCounters& counters) {
  RCT_RETURN_IF_ERROR(ValidateGate(gate));
  switch (gate.kind_case()) {
    case Gate::kExact:
      return CheckExact(actual, expected);
    case Gate::kSetEqualWithin:
      return CheckSetEqualWithin(actual, expected,
                                 gate.set_equal_within().tolerance());
    case Gate::kRecallAtLeast:
      return CheckRecallAtLeast(actual, expected,
                                gate.recall_at_least().threshold());
    case Gate::kCounterAtMost:
      return CheckCounterAtMost(gate.counter_at_most(),
                                Recall(actual, expected), actual.num_queries(),
                                counters);
    case Gate::KIND_NOT_SET:
      break;
  }
  RCT_CHECK(false);
}

}  // namespace rct
