#include "tools/mpi/mpirun.h"

#include <stdlib.h>

#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace rct {

void SetUpMpirun() {
  constexpr std::pair<const char*, const char*> kVariables[] = {
      {"TMPDIR", "/tmp"},
      {"OMPI_ALLOW_RUN_AS_ROOT", "1"},
      {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
      {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
      {"OMPI_MCA_hwloc_base_binding_policy", "none"},
      {"OMPI_MCA_btl", "self,tcp"},
      {"OMPI_MCA_btl_tcp_if_include", "lo"},
      {"OMPI_MCA_oob_tcp_if_include", "lo"},
      {"OMPI_MCA_plm", "isolated"},
  };
  for (const auto& [name, value] : kVariables) setenv(name, value, 1);
}

std::string MpiProgram(std::string_view name) {
  return absl::StrCat(getenv("TEST_SRCDIR"), "/rct/tools/mpi/", name);
}

}  // namespace rct
