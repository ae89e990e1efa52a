// The command line; `rct --help` explains it.

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "tools/rct_commands.h"

namespace {

// Says why the process ends, without memory and in a handler of a signal.
void Say(std::string_view text) {
  if (write(STDERR_FILENO, text.data(), text.size()) < 0) return;
}

// Touching a page of a mapped file that was cut off meanwhile. Outputs take
// their places whole, at the end, and are as they were.
[[noreturn]] void EndOnBus(int) {
  Say("rct: a file was cut short, or its disk failed, while it was read; "
      "nothing is written. Leave files in peace while rct reads them\n");
  _exit(1);
}

}  // namespace

int main(int argc, char** argv) try {
  // Writing to a file that may not grow, or to a pipe without a reader, must be
  // an error, after which unfinished files are removed, and not end the
  // process.
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGBUS, EndOnBus);
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
} catch (const std::bad_alloc&) {
  Say("rct: memory ran out, and no file is half written\n");
  return 1;
}
