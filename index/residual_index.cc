#include "index/residual_index.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/archive.h"
#include "base/matrix.h"
#include "base/memory_limit.h"
#include "base/monitor.h"
#include "base/parallel.h"
#include "base/status_macros.h"
#include "heuristics/composition/composition.h"
#include "index/dispatch.h"
#include "index/exceptions.h"
#include "index/factor_check.h"
#include "index/index_file.h"
#include "index/index_file.pb.h"
#include "index/index_memory.h"
#include "index/index_options.h"
#include "index/ordered_graph.h"
#include "index/ordering.h"
#include "index/validation.h"
#include "metric/inducing_points.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/residual_correlation.h"
#include "metric/residual_factors.h"
#include "metric/residual_points.h"
#include "metric/rounding.h"
#include "metric/simd_routines.h"
#include "traversal/build_phase.h"
#include "traversal/range_search.h"
#include "traversal/searcher.h"

namespace rct {
namespace {

int64_t BytesOf(const Matrix<double>& matrix) {
  return matrix.rows() * matrix.stride() * static_cast<int64_t>(sizeof(double));
}

// Returns ResourceExhausted unless there is memory for `points` points with
// their factors. K(Z, Z) takes as much as m points.
absl::Status CheckFactorMemory(double points, int64_t dim, int64_t m,
                               std::string_view what) {
  // The numbers of one point: its row of V, its coordinates, p and s.
  const auto numbers = static_cast<double>(FactorStride(m) + dim + 2);
  return CheckMemory(sizeof(double) * points * numbers,
                     absl::StrCat(what, " with ", m, " inducing points"),
                     "take fewer of either at a time");
}

// Returns the config of inducing points that are these rows or, without rows,
// have these coordinates.
InducingConfig DescribeInducing(const Matrix<double>& coordinates,
                                const std::vector<int64_t>& rows) {
  InducingConfig config;
  if (coordinates.rows() == 0) {
    config.mutable_none();
  } else if (!rows.empty()) {
    config.mutable_rows()->mutable_row()->Add(rows.begin(), rows.end());
  } else {
    auto& value = *config.mutable_coordinates()->mutable_value();
    for (int64_t i = 0; i < coordinates.rows(); ++i) {
      value.Add(coordinates.row(i), coordinates.row(i) + coordinates.cols());
    }
  }
  return config;
}

// Returns how many times a strategy keeps the points and their factors beside
// the model: trees keep them in an order of their own, a screen in float32.
double CopiesKept(const IndexOptions& options) {
  const bool tree = options.strategy() == LEVEL_SYNCHRONOUS ||
                    options.strategy() == BEST_FIRST;
  if (tree && options.tree().node_order() != CoverTreeConfig::NATURAL) return 1;
  return options.heuristics().has_float_screen() ? 0.5 : 0;
}

// Returns ResourceExhausted where an index with these options would be larger
// than they allow.
absl::Status CheckLimit(const IndexOptions& options, int64_t n, int64_t dim,
                        int64_t m) {
  return CheckMemoryLimit(
      NeedsOf(options, n, dim, m), options.memory_limit_bytes(),
      absl::StrCat(n, " points with ", m, " inducing points"));
}

// Does the same for the points of a model.
absl::Status CheckLimit(const IndexOptions& options,
                        const ResidualPoints& data) {
  return CheckLimit(options, data.size(), data.points.cols(), data.v.cols());
}

// Returns how much of the limit the points of a model leave to BLOCK.
double LeftBeside(const ResidualPoints& data, const IndexOptions& options) {
  return MemoryLeft(
      options.memory_limit_bytes(),
      NeedsOf(options, data.size(), data.points.cols(), data.v.cols()));
}

// Returns ResourceExhausted where the file of an index is larger than its
// limit, from which it would be read.
absl::Status CheckFileSize(const std::string& path,
                           const LoadOptions& options) {
  RCT_RETURN_IF_ERROR(ValidateMemoryLimit(options.memory_limit_bytes));
  if (options.map || options.memory_limit_bytes == 0) return absl::OkStatus();
  std::error_code error;
  const auto bytes =
      static_cast<double>(std::filesystem::file_size(path, error));
  if (error) return absl::OkStatus();  // opening it says why
  if (bytes <= static_cast<double>(options.memory_limit_bytes)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("memory_limit_bytes: the index in ", path, " takes ",
                   HumanBytes(bytes), ", and may take ",
                   HumanBytes(static_cast<double>(options.memory_limit_bytes)),
                   "; raise the limit, or map the file"));
}

// Returns a composition that expects one in `shards` of the queries.
Composition ShareOf(Composition composition, int64_t shards) {
  const int64_t all =
      composition.heuristics.skeleton_bound().expected_queries();
  if (shards > 1 && all > 0) {
    composition.heuristics.mutable_skeleton_bound()->set_expected_queries(
        std::max<int64_t>(1, all / shards));
  }
  return composition;
}

// Makes `from` the rows `first` and after of `to`, which have the same widths.
void CopyRows(const ResidualPoints& from, int64_t first, ResidualPoints& to) {
  const int64_t n = from.size();
  const auto copy = [&](const double* values, int64_t width, double* target) {
    std::copy_n(values, n * width, target + first * width);
  };
  copy(from.points.data(), from.points.stride(), to.points.data());
  copy(from.v.data(), from.v.stride(), to.v.data());
  copy(from.variance.data(), 1, to.variance.data());
  copy(from.inverse_sqrt.data(), 1, to.inverse_sqrt.data());
}

// Returns the share of a build that a monitor is told the model takes.
double ModelShare(const IndexOptions& options) {
  return options.strategy() == EXHAUSTIVE ? 1 : 0.5;
}

}  // namespace

absl::StatusOr<ResidualModel> ResidualModel::Create(
    MatrixView<const double> points, const ResidualConfig& config, int threads,
    const SimdRoutines& simd, Monitor* monitor) try {
  return CreateAndMore(points, config, /*copies=*/1, threads, simd, monitor);
} catch (...) {
  return StatusOfException("Create");
}

absl::StatusOr<ResidualModel> ResidualModel::CreateAndMore(
    MatrixView<const double> points, const ResidualConfig& config,
    double copies, int threads, const SimdRoutines& simd, Monitor* monitor) {
  const Monitor::Part whole(monitor);
  RCT_RETURN_IF_ERROR(ValidateThreads(threads));
  RCT_RETURN_IF_ERROR(ValidateFinite("points", points));
  RCT_ASSIGN_OR_RETURN(Kernel kernel,
                       Kernel::Create(config.kernel(), points.cols));
  const int64_t m = InducingCount(config.inducing(), points.rows, points.cols);
  RCT_RETURN_IF_ERROR(CheckFactorMemory(
      copies * static_cast<double>(points.rows) + static_cast<double>(m),
      points.cols, m, absl::StrCat("inducing: ", points.rows, " points")));
  RCT_ASSIGN_OR_RETURN(
      InducingPoints inducing,
      SelectInducing(points, kernel, config, threads, simd, monitor));
  return Factorize(Matrix<double>::Copy(points), std::move(kernel),
                   std::move(inducing), config, threads, simd, monitor);
}

absl::StatusOr<InducingPoints> ResidualModel::SelectInducing(
    MatrixView<const double> points, const Kernel& kernel,
    const ResidualConfig& config, int threads, const SimdRoutines& simd,
    Monitor* monitor) {
  // Sixteen passes take about as long as V of a few hundred inducing points.
  const auto passes = static_cast<double>(SelectionPasses(config.inducing()));
  std::optional<Monitor::Part> part;
  if (passes > 0) part.emplace(monitor, passes / (passes + 16));
  return SelectInducingPoints(
      config.inducing(), points,
      {.inverse_lengthscale = kernel.inverse_lengthscale(),
       .threads = ResolveThreads(threads),
       .monitor = monitor,
       .simd = &simd});
}

absl::StatusOr<ResidualModel> ResidualModel::WithKernel(
    const KernelConfig& kernel, int threads, Monitor* monitor) const try {
  if (factor_ == nullptr) {
    return absl::FailedPreconditionError(
        "a model from factors has no inducing points to compute V and p from; "
        "compute them under the new kernel and make a model of them");
  }
  return WithConfig(ConfigUnder(kernel), threads, monitor);
} catch (...) {
  return StatusOfException("WithKernel");
}

ResidualConfig ResidualModel::ConfigUnder(const KernelConfig& kernel) const {
  ResidualConfig config = config_;
  *config.mutable_kernel() = kernel;
  const absl::StatusOr<Kernel> valid = Kernel::Create(kernel, metric_->dim());
  if (!ChoosesByDistance(config.inducing()) ||
      (valid.ok() && valid->inverse_lengthscale() ==
                         factor_->kernel().inverse_lengthscale())) {
    return config;
  }
  const InducingPoints& points = factor_->inducing();
  if (!points.rows.empty()) {
    config.mutable_inducing()->mutable_rows()->mutable_row()->Assign(
        points.rows.begin(), points.rows.end());
    return config;
  }
  const Matrix<double>& z = points.coordinates;
  auto& values =
      *config.mutable_inducing()->mutable_coordinates()->mutable_value();
  for (int64_t i = 0; i < z.rows(); ++i) {
    values.Add(z.row(i), z.row(i) + z.cols());
  }
  return config;
}

absl::StatusOr<ResidualModel> ResidualModel::WithConfig(
    const ResidualConfig& config, int threads, Monitor* monitor) const try {
  const Monitor::Part whole(monitor);
  RCT_RETURN_IF_ERROR(ValidateThreads(threads));
  const Matrix<double>& points = metric_->data().points;
  RCT_ASSIGN_OR_RETURN(Kernel kernel,
                       Kernel::Create(config.kernel(), points.cols()));
  const int64_t m =
      InducingCount(config.inducing(), points.rows(), points.cols());
  RCT_RETURN_IF_ERROR(
      CheckFactorMemory(static_cast<double>(points.rows() + m), /*dim=*/0, m,
                        absl::StrCat("inducing: ", points.rows(), " points")));
  RCT_ASSIGN_OR_RETURN(InducingPoints inducing,
                       SelectInducing(points.view(), kernel, config, threads,
                                      metric_->simd(), monitor));
  return Factorize(points.Share(), std::move(kernel), std::move(inducing),
                   config, threads, metric_->simd(), monitor);
} catch (...) {
  return StatusOfException("WithConfig");
}

absl::StatusOr<ResidualModel> ResidualModel::Reordered(
    absl::Span<const int64_t> order) const try {
  const ResidualPoints& data = metric_->data();
  RCT_RETURN_IF_ERROR(ValidateOrder(order, data.size()));
  RCT_RETURN_IF_ERROR(CheckFactorMemory(
      static_cast<double>(data.size()), data.points.cols(), data.v.cols(),
      absl::StrCat("order: ", data.size(), " points once more,")));
  const std::vector<int32_t> rows(order.begin(), order.end());
  if (factor_ == nullptr) {
    auto metric = std::make_shared<const ResidualCorrelation>(
        metric_->kernel(), data.Reordered(rows), std::nullopt, metric_->simd());
    return ResidualModel(nullptr, std::move(metric), config_, {});
  }
  const std::vector<int64_t> ranks = RanksOf(order);
  std::vector<int64_t> inducing_rows;
  for (const int64_t row : factor_->inducing().rows) {
    inducing_rows.push_back(ranks[row]);
  }
  ResidualConfig config = config_;
  *config.mutable_inducing() =
      DescribeInducing(factor_->inducing().coordinates, inducing_rows);
  auto factor = std::make_shared<const InducingFactor>(
      factor_->WithRows(std::move(inducing_rows)));
  auto metric = std::make_shared<const ResidualCorrelation>(
      metric_->kernel(), data.Reordered(rows), factor, metric_->simd());
  return ResidualModel(std::move(factor), std::move(metric), std::move(config),
                       {});
} catch (...) {
  return StatusOfException("Reordered");
}

absl::StatusOr<ResidualModel> ResidualModel::Append(
    MatrixView<const double> points, int threads, Monitor* monitor) const try {
  return AppendAndMore(points, /*copies=*/1, threads, monitor);
} catch (...) {
  return StatusOfException("Append");
}

absl::StatusOr<ResidualModel> ResidualModel::AppendAndMore(
    MatrixView<const double> points, double copies, int threads,
    Monitor* monitor) const {
  const Monitor::Part whole(monitor);
  RCT_RETURN_IF_ERROR(ValidateThreads(threads));
  if (factor_ == nullptr) {
    return absl::FailedPreconditionError(
        "a model from factors has no inducing points to compute V and p of "
        "further points from; compute them and make a model of all points");
  }
  const ResidualPoints& old = metric_->data();
  const int64_t n = old.size(), m = factor_->num_inducing();
  RCT_RETURN_IF_ERROR(ValidateAppended(points, n, old.points.cols()));
  RCT_RETURN_IF_ERROR(CheckFactorMemory(
      copies * static_cast<double>(n + points.rows) +
          static_cast<double>(points.rows),
      points.cols, m,
      absl::StrCat("points: ", n, " and ", points.rows, " points")));
  PhaseClock clock;
  RCT_ASSIGN_OR_RETURN(
      const ResidualPoints added,
      factor_->Project(points, ResolveThreads(threads), monitor));
  ResidualPoints all(n + points.rows, points.cols, m);
  CopyRows(old, 0, all);
  CopyRows(added, n, all);
  clock.End("projection", 0, BytesOf(all.v));
  ResidualConfig config = config_;
  if (config.inducing().has_random() || ChoosesByDistance(config.inducing())) {
    // A choice from more rows would be another one. The message is complete
    // before the config takes it over: where memory runs out, nothing must be
    // half in it.
    InducingConfig chosen = DescribeInducing(factor_->inducing().coordinates,
                                             factor_->inducing().rows);
    config.mutable_inducing()->Swap(&chosen);
  }
  auto metric = std::make_shared<const ResidualCorrelation>(
      factor_->kernel(), std::move(all), factor_, metric_->simd());
  return ResidualModel(factor_, std::move(metric), std::move(config),
                       clock.Take());
}

absl::StatusOr<ResidualModel> ResidualModel::Factorize(
    Matrix<double> points, Kernel kernel, InducingPoints inducing,
    const ResidualConfig& config, int threads, const SimdRoutines& simd,
    Monitor* monitor) {
  PhaseClock clock;
  // The two parts take m^3 / 3 and n m^2 operations.
  const auto m = static_cast<double>(inducing.coordinates.rows());
  const auto n = static_cast<double>(points.rows());
  std::optional<Monitor::Part> part(std::in_place, monitor,
                                    m / (m + 3 * n + 1));
  RCT_ASSIGN_OR_RETURN(InducingFactor factor,
                       InducingFactor::Create(kernel, std::move(inducing),
                                              config, simd, monitor));
  part.reset();
  clock.End("factorization", 0,
            factor.num_inducing() * factor.num_inducing() *
                static_cast<int64_t>(sizeof(double)));
  RCT_ASSIGN_OR_RETURN(
      ResidualPoints data,
      factor.Project(std::move(points), ResolveThreads(threads), monitor));
  clock.End("projection", 0, BytesOf(data.v));
  auto shared = std::make_shared<const InducingFactor>(std::move(factor));
  auto metric = std::make_shared<const ResidualCorrelation>(
      std::move(kernel), std::move(data), shared, simd);
  return ResidualModel(std::move(shared), std::move(metric), config,
                       clock.Take());
}

absl::StatusOr<ResidualModel> ResidualModel::FromFactors(
    MatrixView<const double> points, const KernelConfig& kernel_config,
    MatrixView<const double> v, absl::Span<const double> variance) try {
  RCT_RETURN_IF_ERROR(ValidateFinite("points", points));
  RCT_ASSIGN_OR_RETURN(Kernel kernel,
                       Kernel::Create(kernel_config, points.cols));
  RCT_ASSIGN_OR_RETURN(ResidualPoints data,
                       ResidualPointsFromFactors(points, v, variance));
  auto metric = std::make_shared<const ResidualCorrelation>(
      std::move(kernel), std::move(data), std::nullopt);
  RCT_RETURN_IF_ERROR(CheckFactors(*metric));
  ResidualConfig config;
  *config.mutable_kernel() = kernel_config;
  return ResidualModel(nullptr, std::move(metric), std::move(config), {});
} catch (...) {
  return StatusOfException("FromFactors");
}

void ResidualModel::Save(ArchiveWriter& archive) const {
  metric_->data().Save(archive);
  if (factor_ != nullptr) factor_->Save(archive);
}

absl::StatusOr<ResidualIndex> ResidualIndex::Build(
    MatrixView<const double> points, const IndexOptions& options,
    Monitor* monitor) try {
  RCT_RETURN_IF_ERROR(ValidateIndexOptions(options));
  RCT_RETURN_IF_ERROR(CheckLimit(
      options, points.rows, points.cols,
      InducingCount(options.residual().inducing(), points.rows, points.cols)));
  const Monitor::Part whole(monitor);
  std::optional<Monitor::Part> part(std::in_place, monitor,
                                    ModelShare(options));
  RCT_ASSIGN_OR_RETURN(ResidualModel model,
                       ResidualModel::CreateAndMore(
                           points, options.residual(), 1 + CopiesKept(options),
                           options.threads(), BestSimdRoutines(), monitor));
  part.reset();
  IndexOptions rest = options;
  rest.clear_residual();
  return Build(std::move(model), rest, monitor);
} catch (...) {
  return StatusOfException("Build");
}

absl::StatusOr<ResidualIndex> ResidualIndex::Build(ResidualModel model,
                                                   const IndexOptions& options,
                                                   Monitor* monitor) try {
  const Monitor::Part whole(monitor);
  RCT_RETURN_IF_ERROR(ValidateIndexOptions(options));
  if (options.has_residual()) {
    return absl::InvalidArgumentError(
        "residual: the model has its own; leave it out");
  }
  RCT_RETURN_IF_ERROR(ValidateCoordinates(options, model.metric()->dim()));
  IndexOptions used = options;
  used.clear_threads();
  used.set_strategy(options.strategy());
  const auto& rounding = model.metric()->rounding();
  if (!options.has_strategy() &&
      !(rounding.has_value() && rounding->Validate().ok())) {
    used.Clear();
    used.set_strategy(EXHAUSTIVE);
    *used.mutable_coordinate_name() = options.coordinate_name();
    used.set_lon_lat(options.lon_lat());
    if (options.memory_limit_bytes() > 0) {
      used.set_memory_limit_bytes(options.memory_limit_bytes());
    }
  }
  return Compose(std::move(model), std::move(used), options.threads(), monitor,
                 /*static_nets=*/nullptr);
} catch (...) {
  return StatusOfException("Build");
}

absl::StatusOr<ResidualIndex> ResidualIndex::Compose(
    ResidualModel model, IndexOptions options, int threads, Monitor* monitor,
    std::shared_ptr<const NetHierarchy> static_nets) {
  const ResidualPoints& data = model.metric()->data();
  RCT_RETURN_IF_ERROR(CheckLimit(options, data));
  RCT_RETURN_IF_ERROR(CheckFactorMemory(
      CopiesKept(options) * static_cast<double>(data.size()),
      data.points.cols(), data.v.cols(),
      absl::StrCat("strategy: ", data.size(), " points once more,")));
  RCT_ASSIGN_OR_RETURN(
      ComposedSearcher<ResidualCorrelation> composed,
      ComposeSearcher(model.metric(),
                      Within(LeftBeside(data, options), CompositionOf(options)),
                      ResolveThreads(threads), monitor,
                      std::move(static_nets)));
  RCT_RETURN_IF_ERROR(Monitor::Check(monitor));
  return ResidualIndex(std::move(model), std::move(options),
                       std::move(composed.searcher), std::move(composed.phases),
                       std::move(composed.static_nets));
}

template <class MakeModel>
absl::StatusOr<ResidualIndex> ResidualIndex::RebuildWith(
    int threads, Monitor* monitor, MakeModel make_model) const {
  const Monitor::Part whole(monitor);
  std::optional<Monitor::Part> part(std::in_place, monitor,
                                    ModelShare(options_));
  RCT_ASSIGN_OR_RETURN(ResidualModel model, make_model());
  part.reset();
  return Compose(std::move(model), options_, threads, monitor, static_nets_);
}

absl::StatusOr<ResidualIndex> ResidualIndex::Rebuild(const KernelConfig& kernel,
                                                     int threads,
                                                     Monitor* monitor) const
    try {
  return RebuildWith(threads, monitor, [&] {
    return model_.WithKernel(kernel, threads, monitor);
  });
} catch (...) {
  return StatusOfException("Rebuild");
}

absl::StatusOr<ResidualIndex> ResidualIndex::Rebuild(
    const ResidualConfig& config, int threads, Monitor* monitor) const try {
  const Matrix<double>& points = model_.metric()->data().points;
  RCT_RETURN_IF_ERROR(CheckLimit(
      options_, points.rows(), points.cols(),
      InducingCount(config.inducing(), points.rows(), points.cols())));
  return RebuildWith(threads, monitor, [&] {
    return model_.WithConfig(config, threads, monitor);
  });
} catch (...) {
  return StatusOfException("Rebuild");
}

absl::StatusOr<ResidualIndex> ResidualIndex::Append(
    MatrixView<const double> points, int threads, Monitor* monitor) const try {
  const ResidualPoints& data = model_.metric()->data();
  RCT_RETURN_IF_ERROR(CheckLimit(options_, data.size() + points.rows,
                                 data.points.cols(), data.v.cols()));
  const Monitor::Part whole(monitor);
  std::optional<Monitor::Part> part(std::in_place, monitor,
                                    ModelShare(options_));
  RCT_ASSIGN_OR_RETURN(
      ResidualModel model,
      model_.AppendAndMore(points, 1 + CopiesKept(options_), threads, monitor));
  part.reset();
  return Compose(std::move(model), options_, threads, monitor,
                 /*static_nets=*/nullptr);
} catch (...) {
  return StatusOfException("Append");
}

ArchiveWriter ResidualIndex::ToArchive() const {
  const ResidualPoints& data = model_.metric()->data();
  IndexFileHeader header;
  *header.mutable_options() = options_;
  header.mutable_options()->clear_memory_limit_bytes();
  *header.mutable_options()->mutable_residual() = model_.config();
  header.set_num_points(data.size());
  header.set_dim(data.points.cols());
  header.set_num_inducing(data.v.cols());
  ArchiveWriter archive;
  archive.Value("header", header.SerializeAsString());
  model_.Save(archive);
  SaveSearcher(*searcher_, CompositionOf(options_), archive);
  return archive;
}

absl::StatusOr<ResidualIndex> ResidualIndex::FromArchive(
    ArchiveReader& archive, const LoadOptions& options, PhaseClock& clock) {
  const int threads = ResolveThreads(options.threads);
  // Of a file that is read, skeletons lie in memory as well.
  const std::vector<MemoryNeed> file = {
      {"file", options.map ? 0 : static_cast<double>(archive.bytes())}};
  const double left = MemoryLeft(options.memory_limit_bytes, file);
  RCT_ASSIGN_OR_RETURN(
      IndexFileContents contents,
      ReadIndexFile(archive, threads, clock, options.monitor, left));
  IndexOptions used = contents.header.options();
  if (options.memory_limit_bytes > 0) {
    used.set_memory_limit_bytes(options.memory_limit_bytes);
  }
  ResidualModel model(std::move(contents.factor), std::move(contents.metric),
                      used.residual(), {});
  used.clear_residual();
  std::vector<BuildPhase> phases = clock.Take();
  ComposedSearcher<ResidualCorrelation> composed = std::move(contents.restored);
  if (composed.searcher == nullptr) {
    RCT_ASSIGN_OR_RETURN(
        composed, ComposeSearcher(model.metric(),
                                  Within(left, ShareOf(CompositionOf(used),
                                                       options.shards)),
                                  threads));
  }
  phases.insert(phases.end(), composed.phases.begin(), composed.phases.end());
  return ResidualIndex(std::move(model), std::move(used),
                       std::move(composed.searcher), std::move(phases),
                       std::move(composed.static_nets));
}

absl::Status ResidualIndex::Save(const std::string& path, int threads,
                                 Monitor* monitor) const try {
  RCT_RETURN_IF_ERROR(ValidateThreads(threads));
  return ToArchive().Write(path, kIndexFormat, ResolveThreads(threads),
                           monitor);
} catch (...) {
  return StatusOfException("Save");
}

absl::StatusOr<std::string> ResidualIndex::ToBytes(int threads,
                                                   Monitor* monitor) const try {
  RCT_RETURN_IF_ERROR(ValidateThreads(threads));
  return ToArchive().Contents(kIndexFormat, ResolveThreads(threads), monitor);
} catch (...) {
  return StatusOfException("ToBytes");
}

absl::StatusOr<ResidualIndex> ResidualIndex::Load(const std::string& path,
                                                  LoadOptions options) try {
  RCT_RETURN_IF_ERROR(ValidateThreads(options.threads));
  RCT_RETURN_IF_ERROR(CheckFileSize(path, options));
  PhaseClock clock;
  const Monitor::Part whole(options.monitor);
  std::optional<Monitor::Part> part(std::in_place, options.monitor, 0.8);
  RCT_ASSIGN_OR_RETURN(
      ArchiveReader archive,
      ArchiveReader::Open(path, kIndexFormat, options.map,
                          ResolveThreads(options.threads), options.monitor));
  part.reset();
  return FromArchive(archive, options, clock);
} catch (...) {
  return StatusOfException("Load");
}

absl::StatusOr<ResidualIndex> ResidualIndex::FromBytes(std::string_view bytes,
                                                       int threads,
                                                       Monitor* monitor) try {
  RCT_RETURN_IF_ERROR(ValidateThreads(threads));
  PhaseClock clock;
  const Monitor::Part whole(monitor);
  std::optional<Monitor::Part> part(std::in_place, monitor, 0.8);
  RCT_ASSIGN_OR_RETURN(
      ArchiveReader archive,
      ArchiveReader::OpenContents("the bytes of an index", bytes, kIndexFormat,
                                  ResolveThreads(threads), monitor));
  part.reset();
  return FromArchive(archive, {.threads = threads, .monitor = monitor}, clock);
} catch (...) {
  return StatusOfException("FromBytes");
}

int64_t ResidualIndex::build_distance_evaluations() const {
  return DistanceEvaluations(phases_);
}

absl::StatusOr<SearchResult> ResidualIndex::Search(
    absl::Span<const int64_t> rows, SearchOptions options) const try {
  return NearestToRows(*searcher_, rows, options);
} catch (...) {
  return StatusOfException("Search");
}

absl::StatusOr<SearchResult> ResidualIndex::Graph(SearchOptions options) const
    try {
  return NearestToAllRows(*searcher_, options);
} catch (...) {
  return StatusOfException("Graph");
}

absl::StatusOr<SearchResult> ResidualIndex::Graph(
    SearchOptions options, absl::Span<const int64_t> order) const try {
  RCT_RETURN_IF_ERROR(ValidateOrderedGraph(options, order, size()));
  if (IsNatural(order)) return NearestToAllRows(*searcher_, options);
  const Monitor::Part whole(options.monitor);
  std::optional<Monitor::Part> part(std::in_place, options.monitor,
                                    kShareOfOrderedIndex);
  RCT_ASSIGN_OR_RETURN(ResidualModel model, model_.Reordered(order));
  RCT_ASSIGN_OR_RETURN(const ResidualIndex ordered,
                       Compose(std::move(model), options_, options.threads,
                               options.monitor, /*static_nets=*/nullptr));
  part.reset();
  return NearestInOrder(*ordered.searcher_, order, options);
} catch (...) {
  return StatusOfException("Graph");
}

absl::StatusOr<RangeResult> ResidualIndex::RangeSearch(
    absl::Span<const int64_t> rows, double radius, SearchOptions options) const
    try {
  return AllWithinOfRows(*searcher_, rows, radius, options);
} catch (...) {
  return StatusOfException("RangeSearch");
}

absl::StatusOr<ResidualPoints> ResidualIndex::PrepareQueries(
    MatrixView<const double> points, const SearchOptions& options) const {
  RCT_RETURN_IF_ERROR(ValidateSearch(options, size()));
  RCT_RETURN_IF_ERROR(ValidateNoRows(options));
  if (model_.factor() == nullptr) {
    return absl::FailedPreconditionError(
        "new points need inducing points, which a model from factors does not "
        "know; search for its rows");
  }
  RCT_RETURN_IF_ERROR(ValidateQueryPoints(points, model_.metric()->dim()));
  RCT_RETURN_IF_ERROR(CheckAnswerMemory(points.rows, options.k));
  RCT_RETURN_IF_ERROR(CheckFactorMemory(
      static_cast<double>(points.rows), points.cols,
      model_.factor()->num_inducing(),
      absl::StrCat("query points: ", points.rows, " queries")));
  // A projection takes m^2 operations for each query, and a search reads some
  // of the n m numbers of V.
  const auto m = static_cast<double>(model_.factor()->num_inducing());
  const auto n = static_cast<double>(size());
  const Monitor::Part part(options.monitor, m / (m + n + 1));
  return model_.factor()->Project(points, ResolveThreads(options.threads),
                                  options.monitor);
}

absl::StatusOr<SearchResult> ResidualIndex::SearchPoints(
    MatrixView<const double> points, SearchOptions options) const try {
  const Monitor::Part whole(options.monitor);
  RCT_ASSIGN_OR_RETURN(const ResidualPoints queries,
                       PrepareQueries(points, options));
  return Nearest(*searcher_, Queries<ResidualPoints>(queries), options);
} catch (...) {
  return StatusOfException("SearchPoints");
}

absl::StatusOr<RangeResult> ResidualIndex::RangeSearchPoints(
    MatrixView<const double> points, double radius, SearchOptions options) const
    try {
  options = WithinRadius(options, radius);
  const Monitor::Part whole(options.monitor);
  RCT_RETURN_IF_ERROR(CheckRangeMemory(points.rows, options, size()));
  RCT_ASSIGN_OR_RETURN(const ResidualPoints queries,
                       PrepareQueries(points, options));
  return AllWithin(*searcher_, Queries<ResidualPoints>(queries), options);
} catch (...) {
  return StatusOfException("RangeSearchPoints");
}

}  // namespace rct
