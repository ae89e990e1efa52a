#include "tools/rct_search_fields.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/matrix.h"
#include "base/sha256.h"
#include "google/protobuf/repeated_field.h"
#include "index/euclidean_index.h"
#include "index/residual_index.h"
#include "metric/metric.pb.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "tools/rct_part.h"
#include "tools/rct_search.h"
#include "tools/rct_task.h"

namespace rct {
namespace {

// Returns the fewest digits from which `value` is read back bit for bit.
std::string Exactly(double value) {
  char digits[32];
  return std::string(digits, std::to_chars(digits, digits + 32, value).ptr);
}

std::string Exactly(const google::protobuf::RepeatedField<double>& values) {
  if (values.empty()) return "1";
  return absl::StrJoin(values, ",", [](std::string* text, double value) {
    text->append(Exactly(value));
  });
}

// Adds the rows of a matrix without its padding.
void Update(const Matrix<double>& matrix, Sha256& digest) {
  for (int64_t i = 0; i < matrix.rows(); ++i) {
    digest.UpdateSpan(absl::MakeConstSpan(matrix.row(i), matrix.cols()));
  }
}

std::string DigestOf(const Matrix<double>& matrix) {
  Sha256 digest;
  Update(matrix, digest);
  return absl::StrCat(matrix.rows(), " x ", matrix.cols(), ", ",
                      digest.HexDigest());
}

std::string DigestOfIds(const Identifiers& ids) {
  if (ids.name.empty()) return "none";
  Sha256 digest;
  for (const std::string& id : ids.points) {
    digest.Update(absl::StrCat(id.size(), ":", id));
  }
  return absl::StrCat(ids.name, ", ", digest.HexDigest());
}

std::string YesOrNo(bool yes) { return yes ? "yes" : "no"; }

// Adds the fields that do not depend on the metric.
void AddCall(const SearchTask& task, const TaskQueries& queries, int64_t size,
             SearchFields& fields) {
  const auto add = [&fields](std::string_view field, std::string value) {
    fields.emplace_back(field, std::move(value));
  };
  add("queries", absl::StrCat(queries.num_all,
                              queries.is_rows ? " rows, " : " new points, ",
                              queries.digest));
  add("k", task.all_within ? "all" : absl::StrCat(task.search.k));
  add("radius",
      std::isinf(task.search.radius) ? "none" : Exactly(task.search.radius));
  add("predecessor", YesOrNo(task.search.predecessor));
  add("exclude_self", YesOrNo(task.search.exclude_self));
  std::string allowed = "all";
  if (queries.allowed != nullptr) {
    allowed = Sha256Hex(
        std::string_view(reinterpret_cast<const char*>(queries.allowed.get()),
                         static_cast<size_t>(size)));
  }
  add("allowed_rows", std::move(allowed));
  std::string order = "none";
  if (!queries.order.empty()) {
    Sha256 digest;
    digest.UpdateSpan(absl::MakeConstSpan(queries.order));
    order = digest.HexDigest();
  }
  add("order", std::move(order));
  add("id_column", DigestOfIds(queries.ids));
}

// Returns where V and p come from.
std::string InducingOf(const ResidualModel& model) {
  if (const InducingFactor* factor = model.factor(); factor != nullptr) {
    return factor->num_inducing() == 0
               ? "none"
               : DigestOf(factor->inducing().coordinates);
  }
  const ResidualPoints& data = model.metric()->data();
  Sha256 digest;
  Update(data.v, digest);
  digest.UpdateSpan(
      absl::MakeConstSpan(data.variance.data(), data.variance.size()));
  return absl::StrCat("factors of ", data.v.cols(), " columns, ",
                      digest.HexDigest());
}

}  // namespace

SearchFields FieldsOf(const SearchTask& task, const TaskQueries& queries,
                      const ResidualIndex& index) {
  const ResidualModel& model = index.model();
  const KernelConfig& kernel = model.config().kernel();
  SearchFields fields = {
      {"metric", "residual"},
      {"points", DigestOf(model.metric()->data().points)},
      {"kernel",
       absl::AsciiStrToLower(KernelConfig::Family_Name(kernel.family()))},
      {"lengthscale", Exactly(kernel.lengthscale())},
      {"variance", Exactly(kernel.variance())},
      {"inducing", InducingOf(model)},
      {"jitter", Exactly(model.config().jitter())},
      {"variance_floor", Exactly(model.config().variance_floor())}};
  AddCall(task, queries, index.size(), fields);
  return fields;
}

SearchFields FieldsOf(const SearchTask& task, const TaskQueries& queries,
                      const EuclideanIndex& index) {
  SearchFields fields = {
      {"metric", "euclidean"},
      {"points", DigestOf(index.ScaledPoints())},
      {"lengthscale", Exactly(index.options().lengthscale())}};
  AddCall(task, queries, index.size(), fields);
  return fields;
}

}  // namespace rct
