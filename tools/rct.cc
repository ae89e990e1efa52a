// The command line; `rct --help` explains it.

#include <cstdio>
#include <string>
#include <vector>

#include "tools/rct_commands.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0), argv + argc);
  const rct::CommandOutcome outcome = rct::RunCommand(arguments);
  std::fputs(outcome.err.c_str(), stderr);
  if (std::fputs(outcome.out.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    std::fputs("rct: stdout cannot be written to\n", stderr);
    return 1;
  }
  return outcome.exit_code;
}
