// The command line; `rct --help` explains it.

#include <signal.h>

#include <cstdio>
#include <string>
#include <vector>

#include "tools/rct_commands.h"

int main(int argc, char** argv) {
  // Writing to a file that may not grow, or to a pipe without a reader, must be
  // an error, after which unfinished files are removed, and not end the
  // process.
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> arguments(argv + (argc > 0), argv + argc);
  const rct::CommandOutcome outcome = rct::RunCommand(arguments);
  // The last output may end the process silently where nobody reads it.
  signal(SIGPIPE, SIG_DFL);
  std::fputs(outcome.err.c_str(), stderr);
  if (std::fputs(outcome.out.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    std::fputs("rct: stdout cannot be written to\n", stderr);
    return 1;
  }
  return outcome.exit_code;
}
