// Tries a fuzz target on the files of a corpus and on changes of them, the same
// ones each time:
//
//     driver --corpus=DIR [--mutations=N] [--seed=S] [--max_size=B]
//     driver FILE...       tries these inputs, which some fuzzer has found
//
// N changes of each file, from one seed. Each input lies before memory that
// nobody may touch, so that a read behind it ends the process, and must not
// take more memory than its size justifies (target.h). The process works in an
// empty folder, in which a target may leave nothing behind.

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/check.h"
#include "base/file.h"
#include "base/random.h"
#include "tools/fuzzing/heap_meter.h"
#include "tools/fuzzing/mutate.h"
#include "tools/fuzzing/target.h"

namespace rct {
namespace {

constexpr unsigned kSeconds = 60;  // that an input may take

// What the handler of a signal needs, which may not allocate.
const uint8_t* current = nullptr;
size_t current_size = 0;
char finding_path[4096];

// Keeps the input on which the process ends.
void Keep(int signal_number) {
  const auto say = [](const char* text) {
    if (write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
  };
  const int fd = open(finding_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0 && current != nullptr && write(fd, current, current_size) >= 0) {
    say(signal_number == SIGALRM ? "\nthe input takes too long; it is "
                                 : "\nthe input that ended the process is ");
    say(finding_path);
    say("\n");
  }
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

// Memory before a page that nobody may touch.
class Fence {
 public:
  explicit Fence(size_t most)
      : page_(sysconf(_SC_PAGESIZE)),
        room_((most + page_ - 1) / page_ * page_) {
    void* memory = mmap(nullptr, room_ + page_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    RCT_CHECK(memory != MAP_FAILED);
    begin_ = static_cast<uint8_t*>(memory);
    RCT_CHECK(mprotect(begin_ + room_, page_, PROT_NONE) == 0);
  }
  ~Fence() { munmap(begin_, room_ + page_); }
  Fence(const Fence&) = delete;
  Fence& operator=(const Fence&) = delete;

  // Returns a copy of the input that ends at the fence.
  const uint8_t* Put(std::string_view input) {
    RCT_CHECK(input.size() <= room_);
    uint8_t* copy = begin_ + room_ - input.size();
    std::memcpy(copy, input.data(), input.size());
    return copy;
  }

 private:
  const size_t page_;
  const size_t room_;
  uint8_t* begin_;
};

struct Flags {
  std::string corpus;
  int64_t mutations = 1000;
  uint64_t seed = 1;
  size_t max_size = 1 << 16;
  std::vector<std::string> files;
};

Flags ParseFlags(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--corpus=")) {
      flags.corpus = std::filesystem::absolute(argument).string();
    } else if (absl::ConsumePrefix(&argument, "--mutations=")) {
      RCT_CHECK(absl::SimpleAtoi(argument, &flags.mutations));
    } else if (absl::ConsumePrefix(&argument, "--seed=")) {
      RCT_CHECK(absl::SimpleAtoi(argument, &flags.seed));
    } else if (absl::ConsumePrefix(&argument, "--max_size=")) {
      RCT_CHECK(absl::SimpleAtoi(argument, &flags.max_size));
    } else {
      flags.files.push_back(std::filesystem::absolute(argument).string());
    }
  }
  return flags;
}

class Driver {
 public:
  explicit Driver(size_t max_size) : max_size_(max_size), fence_(max_size) {}

  void Try(std::string_view input) {
    current_size = std::min(input.size(), max_size_);
    current = fence_.Put(input.substr(0, current_size));
    const double allowed =
        kFuzzLimits.constant +
        kFuzzLimits.per_byte * static_cast<double>(current_size);
    const int64_t before = HeapBytes();
    ResetHeapPeak();
    // A request beyond the limit fails, so that the machine survives it.
    SetHeapLimit(before + static_cast<int64_t>(4 * allowed));
    alarm(kSeconds);
    LLVMFuzzerTestOneInput(current, current_size);
    alarm(0);
    const auto used = static_cast<double>(HeapPeak() - before);
    if (used > allowed) {
      std::fprintf(stderr,
                   "%zu bytes took %.0f bytes of memory, at most %.0f "
                   "are justified\n",
                   current_size, used, allowed);
      std::abort();
    }
    if (!std::filesystem::is_empty(".")) {
      std::fprintf(stderr, "a file is left behind\n");
      std::abort();
    }
    ++inputs_;
    bytes_ += static_cast<int64_t>(current_size);
    most_used_ = std::max(most_used_, used / allowed);
  }

  // Returns a changed copy of `input`.
  std::string Changed(std::string_view input, std::string_view other,
                      RandomStream& random) const {
    std::string changed(input.substr(0, max_size_));
    if (LLVMFuzzerCustomMutator == nullptr) {
      Mutate(random, other, max_size_, changed);
      return changed;
    }
    const size_t size = changed.size();
    changed.resize(max_size_);
    changed.resize(LLVMFuzzerCustomMutator(
        reinterpret_cast<uint8_t*>(changed.data()), size, max_size_,
        static_cast<unsigned int>(random.Next64())));
    return changed;
  }

  void Report() const {
    std::printf(
        "%lld inputs, %lld bytes: no finding; at most %.0f%% of the "
        "memory that their size justifies\n",
        static_cast<long long>(inputs_), static_cast<long long>(bytes_),
        100 * most_used_);
  }

 private:
  const size_t max_size_;
  Fence fence_;
  int64_t inputs_ = 0;
  int64_t bytes_ = 0;
  double most_used_ = 0;
};

std::vector<std::string> ReadCorpus(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> inputs;
  for (const std::string& path : paths) {
    inputs.push_back(ReadFile(path).value());
  }
  return inputs;
}

// Goes to an empty folder, in memory if there is one.
std::string EnterFolder() {
  std::string folder = "/dev/shm/rct_fuzz.XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    const char* temporary = std::getenv("TEST_TMPDIR");
    folder = absl::StrCat(temporary == nullptr ? "/tmp" : temporary,
                          "/rct_fuzz.XXXXXX");
    RCT_CHECK(mkdtemp(folder.data()) != nullptr);
  }
  RCT_CHECK(chdir(folder.c_str()) == 0);
  return folder;
}

void KeepFindings() {
  const char* folder = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  std::snprintf(finding_path, sizeof(finding_path), "%s/finding.%d",
                folder == nullptr ? "/tmp" : folder, getpid());
  for (const int one : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM}) {
    signal(one, Keep);
  }
}

void Run(const Flags& flags) {
  Driver driver(flags.max_size);
  for (const std::string& file : flags.files) {
    driver.Try(ReadFile(file).value());
  }
  if (!flags.corpus.empty()) {
    const std::vector<std::string> inputs = ReadCorpus(flags.corpus);
    RCT_CHECK(!inputs.empty());
    driver.Try("");
    for (size_t i = 0; i < inputs.size(); ++i) {
      driver.Try(inputs[i]);
      RandomStream random(flags.seed, i);
      for (int64_t round = 0; round < flags.mutations; ++round) {
        const std::string& other = inputs[random.UniformBelow(inputs.size())];
        driver.Try(driver.Changed(inputs[i], other, random));
      }
    }
  }
  driver.Report();
}

}  // namespace
}  // namespace rct

int main(int argc, char** argv) {
  const rct::Flags flags = rct::ParseFlags(argc, argv);
  rct::KeepFindings();
  const std::string folder = rct::EnterFolder();
  rct::Run(flags);
  std::filesystem::remove_all(folder);
  return 0;
}
