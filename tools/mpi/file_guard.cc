#include "tools/mpi/file_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "base/replacement.h"
#include "base/system_call.h"

namespace rct {
namespace {

// A file of the parent, as it has named it.
struct Watched {
  std::string target;
  std::string temporary;
  bool had_old = false;
};

// Restores a file while some are renamed and some are not.
void Restore(const Watched& file) {
  const std::string old = absl::StrCat(file.temporary, ".old");
  const bool is_new = access(file.temporary.c_str(), F_OK) != 0;
  unlink(file.temporary.c_str());
  if (rename(old.c_str(), file.target.c_str()) == 0) {
    unlink(old.c_str());  // A rename keeps both names if they are of one file.
  } else if (is_new && !file.had_old) {
    unlink(file.target.c_str());
  }
}

// Does what the parent has left to do, as its words say.
void CleanUp(const std::string& words) {
  std::vector<Watched> files;
  bool renaming = false, renamed = false;
  // Behind the last NUL is nothing, or the beginning of a word.
  std::vector<std::string> fields = absl::StrSplit(words, '\0');
  fields.pop_back();
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i] == "R") renaming = true;
    if (fields[i] == "D") renamed = true;
    if (fields[i] != "F" || i + 3 >= fields.size()) continue;
    files.push_back({fields[i + 1], fields[i + 2], fields[i + 3] == "old"});
    i += 3;
  }
  // A single file is renamed in one step, and has no second name.
  const bool one = files.size() == 1;
  for (const Watched& file : files) {
    if (renamed) {
      unlink(absl::StrCat(file.temporary, ".old").c_str());
    } else if (renaming && !one) {
      Restore(file);
    } else {
      unlink(file.temporary.c_str());
    }
  }
}

// Is the child, from its beginning to its end.
[[noreturn]] void WaitAndCleanUp(int from_parent) {
  setsid();
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) {
    signal(number, SIG_IGN);
  }
  // Whoever reads what the parent prints waits until nobody can print more.
  const int nowhere = open("/dev/null", O_RDWR);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    dup2(nowhere, fd);
  }
  dup2(from_parent, STDERR_FILENO + 1);
  close_range(STDERR_FILENO + 2, ~0U, 0);
  std::string words;
  char bytes[4096];
  while (true) {
    const ssize_t got = Uninterrupted(
        [&] { return read(STDERR_FILENO + 1, bytes, sizeof(bytes)); });
    // Without the parent's words nothing is known, not even that it has ended.
    if (got < 0) _exit(1);
    if (got == 0) break;
    words.append(bytes, got);
  }
  CleanUp(words);
  _exit(0);
}

}  // namespace

FileGuard::FileGuard() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  child_ = fork();
  if (child_ == 0) {
    close(ends[1]);
    WaitAndCleanUp(ends[0]);
  }
  close(ends[0]);
  pipe_ = ends[1];
  if (child_ < 0) End();
}

void FileGuard::Watch(absl::Span<const Replacement> files) {
  std::string text;
  for (const Replacement& file : files) {
    absl::StrAppend(&text, text.empty() ? "" : std::string_view("\0", 1), "F",
                    std::string_view("\0", 1), file.target.path,
                    std::string_view("\0", 1), file.temporary,
                    std::string_view("\0", 1),
                    file.target.old.has_value() ? "old" : "none");
  }
  Send(text);
}

void FileGuard::Send(std::string_view text) {
  if (pipe_ < 0) return;
  const std::string bytes = absl::StrCat(text, std::string_view("\0", 1));
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t written =
        Uninterrupted([&] { return write(pipe_, rest.data(), rest.size()); });
    if (written <= 0) return;
    rest.remove_prefix(written);
  }
}

void FileGuard::End() {
  if (pipe_ >= 0) close(pipe_);
  pipe_ = -1;
  if (child_ <= 0) return;
  Uninterrupted([this] { return waitpid(child_, nullptr, 0); });
  child_ = -1;
}

}  // namespace rct
