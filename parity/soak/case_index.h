// The index of a case of the soak, and the reference beside it.

#ifndef RCT_PARITY_SOAK_CASE_INDEX_H_
#define RCT_PARITY_SOAK_CASE_INDEX_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/matrix.h"
#include "index/index.h"
#include "metric/metric.pb.h"
#include "parity/soak/soak.pb.h"

namespace rct {

// An index under test and its reference, taken through the steps of a case.
// After a status that is not OK neither must be used.
class CaseIndex {
 public:
  // What an error of a step means: both sides refuse alike, or one alone.
  struct Failure {
    SoakOutcome::Kind kind;
    std::string message;
  };

  // `soak_case` must outlive this object.
  CaseIndex(const SoakCase& soak_case, std::string folder);

  // Build both, or do to both what a step says; calls are none of these steps.
  // They return what went wrong, if anything did.
  std::optional<Failure> Build();
  std::optional<Failure> Change(const SoakStep& step);

  const Index& subject() const { return *subject_; }
  const Index& reference() const { return *reference_; }

  // The points that both hold.
  MatrixView<const double> points() const;

 private:
  // Returns the residual config of the case over the first points.
  absl::StatusOr<ResidualConfig> FirstConfig() const;
  absl::StatusOr<Index> BuildSubject() const;
  absl::StatusOr<Index> BuildSubjectOfModel() const;
  absl::StatusOr<Index> ChangeSubject(const SoakStep& step) const;
  absl::StatusOr<Index> SaveAndLoad(bool map) const;
  absl::StatusOr<Index> PickleAndBack() const;
  // Builds the reference from scratch.
  absl::Status BuildReference();
  // Stores the subject, if both statuses agree.
  std::optional<Failure> Take(absl::StatusOr<Index> subject,
                              const absl::Status& reference);
  // Returns whether the strategy of the case must refuse the model.
  bool MustRefuse() const;

  const SoakCase& case_;
  std::string folder_;
  Matrix<double> all_;     // the points, those to be appended last
  int64_t size_ = 0;       // of which the index holds so many
  ResidualConfig first_;   // the config of the first build
  ResidualConfig config_;  // of the reference that is built next
  std::optional<Index> subject_;
  std::optional<Index> reference_;
};

}  // namespace rct

#endif  // RCT_PARITY_SOAK_CASE_INDEX_H_
