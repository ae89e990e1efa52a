#include "parity/soak/case_index.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/matrix.h"
#include "base/status_macros.h"
#include "index/euclidean_index.h"
#include "index/index.h"
#include "index/places.h"
#include "index/residual_index.h"
#include "metric/inducing_points.h"
#include "metric/isa.h"
#include "metric/kernel.h"
#include "metric/metric.pb.h"
#include "metric/simd_routines.h"
#include "parity/soak/soak.pb.h"
#include "parity/soak/soak_points.h"

namespace rct {
namespace {

// Returns how many of the points the index begins with.
int64_t FirstSize(const SoakCase& soak_case) {
  int64_t size = soak_case.points().count();
  for (const SoakStep& step : soak_case.step()) {
    if (step.has_append()) size -= step.append().count();
  }
  return std::max<int64_t>(size, 1);
}

// Lowers a count of inducing points that there are not enough rows for.
template <class Source>
void LowerCount(int64_t rows, Source* source) {
  source->set_count(std::min(source->count(), rows));
}

void LowerCount(MatrixView<const double> points, InducingConfig& config) {
  if (config.has_random()) LowerCount(points.rows, config.mutable_random());
  // The others take each place once.
  const int64_t places = UniquePlaces(points).size();
  if (config.has_cover_tree()) LowerCount(places, config.mutable_cover_tree());
  if (config.has_kmeans()) LowerCount(places, config.mutable_kmeans());
  if (config.has_kmeans_plus_plus()) {
    LowerCount(places, config.mutable_kmeans_plus_plus());
  }
}

// Returns the config of inducing points with these coordinates.
InducingConfig At(const Matrix<double>& z) {
  InducingConfig config;
  if (z.rows() == 0) {
    config.mutable_none();
    return config;
  }
  auto& value = *config.mutable_coordinates()->mutable_value();
  for (int64_t i = 0; i < z.rows(); ++i) {
    value.Add(z.row(i), z.row(i) + z.cols());
  }
  return config;
}

// Returns the config that gives drawn inducing points in another way.
InducingConfig Given(SoakCase::Given given, const InducingPoints& drawn) {
  const Matrix<double>& z = drawn.coordinates;
  if (given == SoakCase::ROWS && !drawn.rows.empty()) {
    InducingConfig config;
    config.mutable_rows()->mutable_row()->Add(drawn.rows.begin(),
                                              drawn.rows.end());
    return config;
  }
  Matrix<double> moved = z.Clone();
  if (given == SoakCase::BETWEEN) {
    for (int64_t i = 1; i < z.rows(); ++i) {
      for (int64_t t = 0; t < z.cols(); ++t) {
        moved(i, t) = z(i - 1, t) / 2 + z(i, t) / 2;
      }
    }
  }
  InducingConfig config = At(moved);
  if (given == SoakCase::TWICE && z.rows() > 0) {
    config.mutable_coordinates()->mutable_value()->MergeFrom(
        InducingConfig(config).coordinates().value());
  }
  return config;
}

EuclideanIndexOptions Euclidean(const SoakCase& soak_case) {
  const IndexOptions& from = soak_case.options();
  EuclideanIndexOptions options;
  if (from.has_strategy()) options.set_strategy(from.strategy());
  if (from.has_tree()) *options.mutable_tree() = from.tree();
  if (from.has_heuristics()) *options.mutable_heuristics() = from.heuristics();
  options.set_threads(from.threads());
  *options.mutable_lengthscale() = soak_case.metric().euclidean().lengthscale();
  return options;
}

const SimdRoutines& Routines(const SoakCase& soak_case) {
  for (const Isa isa : AvailableIsas()) {
    if (soak_case.isa() != IsaName(isa)) continue;
    const SimdRoutines* routines = SimdRoutinesFor(isa);
    if (routines != nullptr) return *routines;
  }
  return BestSimdRoutines();
}

}  // namespace

CaseIndex::CaseIndex(const SoakCase& soak_case, std::string folder)
    : case_(soak_case),
      folder_(std::move(folder)),
      all_(MakeSoakPoints(soak_case.points())),
      size_(FirstSize(soak_case)) {}

MatrixView<const double> CaseIndex::points() const {
  return {all_.data(), size_, all_.cols(), all_.stride()};
}

absl::StatusOr<ResidualConfig> CaseIndex::FirstConfig() const {
  ResidualConfig config = case_.metric().residual();
  if (case_.metric().has_correlation()) {
    *config.mutable_kernel() = case_.metric().correlation();
    config.mutable_inducing()->mutable_none();
    return config;
  }
  LowerCount(points(), *config.mutable_inducing());
  if (case_.given() == SoakCase::DRAWN) return config;
  RCT_ASSIGN_OR_RETURN(const Kernel kernel,
                       Kernel::Create(config.kernel(), all_.cols()));
  RCT_ASSIGN_OR_RETURN(
      const InducingPoints drawn,
      SelectInducingPoints(
          config.inducing(), points(),
          {.inverse_lengthscale = kernel.inverse_lengthscale()}));
  *config.mutable_inducing() = Given(case_.given(), drawn);
  return config;
}

absl::Status CaseIndex::BuildReference() {
  if (case_.metric().has_euclidean()) {
    EuclideanIndexOptions options;
    options.set_strategy(EXHAUSTIVE);
    options.set_threads(1);
    *options.mutable_lengthscale() = case_.metric().euclidean().lengthscale();
    RCT_ASSIGN_OR_RETURN(reference_, EuclideanIndex::Build(points(), options));
    return absl::OkStatus();
  }
  IndexOptions options;
  options.set_strategy(EXHAUSTIVE);
  options.set_threads(1);
  *options.mutable_residual() = config_;
  RCT_ASSIGN_OR_RETURN(ResidualIndex built,
                       ResidualIndex::Build(points(), options));
  // From now on the inducing points are where they are.
  *config_.mutable_inducing() =
      At(built.model().factor()->inducing().coordinates);
  reference_ = std::move(built);
  return absl::OkStatus();
}

absl::StatusOr<Index> CaseIndex::BuildSubjectOfModel() const {
  RCT_ASSIGN_OR_RETURN(
      ResidualModel model,
      ResidualModel::Create(points(), first_, case_.options().threads(),
                            Routines(case_)));
  if (case_.from_factors()) {
    const ResidualPoints& data = model.metric()->data();
    RCT_ASSIGN_OR_RETURN(
        model, ResidualModel::FromFactors(
                   points(), first_.kernel(), data.v.view(),
                   absl::MakeConstSpan(data.variance.data(), data.size())));
  }
  return ResidualIndex::Build(std::move(model), case_.options());
}

absl::StatusOr<Index> CaseIndex::BuildSubject() const {
  if (case_.metric().has_euclidean()) {
    return EuclideanIndex::Build(points(), Euclidean(case_));
  }
  if (case_.has_isa() || case_.from_factors()) return BuildSubjectOfModel();
  IndexOptions options = case_.options();
  *options.mutable_residual() = first_;
  return ResidualIndex::Build(points(), options);
}

bool CaseIndex::MustRefuse() const {
  if (!case_.options().has_strategy() ||
      case_.options().strategy() == EXHAUSTIVE ||
      reference_->residual() == nullptr) {
    return false;
  }
  if (case_.from_factors()) return true;
  const auto& rounding = reference_->residual()->model().metric()->rounding();
  return !rounding->Validate().ok();
}

std::optional<CaseIndex::Failure> CaseIndex::Take(
    absl::StatusOr<Index> subject, const absl::Status& reference) {
  if (subject.ok() && reference.ok()) {
    if (MustRefuse()) {
      return Failure{SoakOutcome::ERROR,
                     "the strategy does not refuse a model for which its "
                     "bounds are not proven"};
    }
    subject_ = *std::move(subject);
    return std::nullopt;
  }
  if (reference.ok() && absl::IsFailedPrecondition(subject.status()) &&
      MustRefuse()) {
    return Failure{SoakOutcome::REFUSED, subject.status().ToString()};
  }
  if (subject.status().code() == reference.code()) {
    return Failure{SoakOutcome::REFUSED, reference.ToString()};
  }
  return Failure{SoakOutcome::ERROR,
                 absl::StrCat("index: ", subject.status().ToString(),
                              "; reference: ", reference.ToString())};
}

std::optional<CaseIndex::Failure> CaseIndex::Build() {
  absl::Status status;
  if (!case_.metric().has_euclidean()) {
    absl::StatusOr<ResidualConfig> config = FirstConfig();
    if (!config.ok()) {
      return Failure{SoakOutcome::REFUSED, config.status().ToString()};
    }
    first_ = config_ = *std::move(config);
  }
  status = BuildReference();
  return Take(BuildSubject(), status);
}

absl::StatusOr<Index> CaseIndex::SaveAndLoad(bool map) const {
  const std::string path = folder_ + "/soak.rct";
  const int threads = case_.options().threads();
  if (const ResidualIndex* index = subject_->residual(); index != nullptr) {
    RCT_RETURN_IF_ERROR(index->Save(path, threads));
    return ResidualIndex::Load(path, {.map = map, .threads = threads});
  }
  RCT_RETURN_IF_ERROR(subject_->euclidean()->Save(path, threads));
  return EuclideanIndex::Load(path, threads);
}

absl::StatusOr<Index> CaseIndex::PickleAndBack() const {
  const int threads = case_.options().threads();
  if (const ResidualIndex* index = subject_->residual(); index != nullptr) {
    RCT_ASSIGN_OR_RETURN(const std::string bytes, index->ToBytes(threads));
    return ResidualIndex::FromBytes(bytes, threads);
  }
  RCT_ASSIGN_OR_RETURN(const std::string bytes,
                       subject_->euclidean()->ToBytes(threads));
  return EuclideanIndex::FromBytes(bytes, threads);
}

absl::StatusOr<Index> CaseIndex::ChangeSubject(const SoakStep& step) const {
  const int threads = case_.options().threads();
  switch (step.step_case()) {
    case SoakStep::kSave:
      return SaveAndLoad(step.save().map());
    case SoakStep::kBytes:
      return PickleAndBack();
    case SoakStep::kAppend:
      // points() holds those to be appended already.
      return subject_->Append(
          {all_.row(subject_->size()), size_ - subject_->size(), all_.cols(),
           all_.stride()},
          threads);
    default:
      break;
  }
  const ResidualIndex& index = *subject_->residual();
  if (step.rebuild().select()) return index.Rebuild(config_, threads);
  return index.Rebuild(config_.kernel(), threads);
}

std::optional<CaseIndex::Failure> CaseIndex::Change(const SoakStep& step) {
  if (step.has_rebuild()) {
    if (case_.metric().has_euclidean()) {
      return Failure{SoakOutcome::MALFORMED,
                     "Euclidean indexes have no kernel"};
    }
    if (step.rebuild().select()) config_ = first_;
    *config_.mutable_kernel() = step.rebuild().kernel();
  }
  if (step.has_append()) {
    size_ = std::min(size_ + step.append().count(), all_.rows());
  }
  absl::StatusOr<Index> changed = ChangeSubject(step);
  const bool same = step.has_save() || step.has_bytes();
  return Take(std::move(changed), same ? absl::OkStatus() : BuildReference());
}

}  // namespace rct
