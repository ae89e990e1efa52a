#include "tools/rct_doctor.h"

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/matrix.h"
#include "base/parallel.h"
#include "base/point_sets.h"
#include "base/status_macros.h"
#include "index/index.pb.h"
#include "index/residual_index.h"
#include "metric/inducing_points.h"
#include "metric/metric.pb.h"
#include "metric/simd_routines.h"
#include "parity/gates.h"
#include "parity/oracle.h"
#include "traversal/neighbor_table.h"
#include "traversal/traversal.pb.h"

namespace rct {
namespace {

constexpr int64_t kPoints = 600;
constexpr int64_t kNeighbors = 10;

// The digest of the neighbor table on every machine.
constexpr std::string_view kDigest =
    "bca0c6e74635b9ca5e97aa60cd6581cc4830e9660ee31798902bd005424f8fe6";

std::string Processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (!absl::StartsWith(line, "model name")) continue;
    return std::string(
        absl::StripAsciiWhitespace(line.substr(line.find(':') + 1)));
  }
  return "unknown";
}

absl::Status Fail(std::string_view isa, std::string_view strategy,
                  std::string_view problem) {
  return absl::InternalError(absl::StrCat(
      "self-test: ", isa, ", ", strategy, ": ", problem,
      "; answers of this machine cannot be trusted, please report it"));
}

}  // namespace

std::string DescribeMachine() {
  std::vector<std::string_view> isas;
  for (const Isa isa : AvailableIsas()) isas.push_back(IsaName(isa));
  const double gib = static_cast<double>(sysconf(_SC_PAGESIZE)) *
                     static_cast<double>(sysconf(_SC_PHYS_PAGES)) / (1 << 30);
#ifdef __clang__
  const std::string compiler = absl::StrCat("clang ", __clang_version__);
#else
  const std::string compiler = absl::StrCat("gcc ", __VERSION__);
#endif
  return absl::StrCat(
      "processor     ", Processor(), "\n",                         //
      "threads       ", HardwareThreads(), " for this process\n",  //
      "instructions  ", IsaName(BestSimdRoutines().isa),
      ", of those here: ", absl::StrJoin(isas, ", "), "\n",      //
      "memory        ", absl::StrFormat("%.1f GiB", gib), "\n",  //
      "compiler      ", compiler, "\n");
}

absl::Status SelfTest() {
  const Matrix<double> points =
      MakePointSet(PointSet::kNormal, kPoints, /*dim=*/3, /*seed=*/1);
  std::vector<int64_t> rows(kPoints);
  std::iota(rows.begin(), rows.end(), 0);
  ResidualConfig config;
  config.mutable_kernel()->set_family(KernelConfig::MATERN52);
  config.mutable_inducing()->mutable_random()->set_count(40);

  RCT_ASSIGN_OR_RETURN(const InducingPoints inducing,
                       SelectInducingPoints(config.inducing(), points.view()));
  RCT_ASSIGN_OR_RETURN(
      const OracleProblem oracle,
      OracleProblem::Residual(points.view(), config.kernel(),
                              inducing.coordinates.view(), config.jitter(),
                              config.variance_floor(), /*num_threads=*/0));
  RCT_ASSIGN_OR_RETURN(const NeighborTable expected,
                       oracle.Search(rows, kNeighbors, {}, /*num_threads=*/0));
  for (const Isa isa : AvailableIsas()) {
    RCT_ASSIGN_OR_RETURN(
        const ResidualModel model,
        ResidualModel::Create(points.view(), config, 0, *SimdRoutinesFor(isa)));
    for (int s = 1; s < Strategy_ARRAYSIZE; ++s) {
      const Strategy strategy = static_cast<Strategy>(s);
      IndexOptions options;
      options.set_strategy(strategy);
      RCT_ASSIGN_OR_RETURN(const ResidualIndex index,
                           ResidualIndex::Build(model, options));
      RCT_ASSIGN_OR_RETURN(const SearchResult result,
                           index.Search(rows, {.k = kNeighbors, .threads = 0}));
      const std::string name = absl::AsciiStrToLower(Strategy_Name(strategy));
      const Verdict verdict =
          CheckSetEqualWithin(result.neighbors, expected, 1e-6);
      if (!verdict.pass) return Fail(IsaName(isa), name, verdict.message);
      if (const std::string digest = result.neighbors.Digest();
          digest != kDigest) {
        return Fail(
            IsaName(isa), name,
            absl::StrCat("the answer has digest ", digest, ", not ", kDigest));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace rct
