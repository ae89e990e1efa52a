#include "base/memory_limit.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace rct {
namespace {

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();
constexpr double kMinChecked = 64 << 20;

std::string Contents(const std::string& path) {
  const std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();  // An error ends it, as the end of the file does.
  return text.str();
}

// Returns the number after `name` in lines of "name: number unit" or "name
// number".
std::optional<int64_t> Field(const std::string& lines, std::string_view name) {
  for (const std::string_view line : absl::StrSplit(lines, '\n')) {
    const std::vector<std::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(": "), absl::SkipEmpty());
    int64_t value;
    if (words.size() >= 2 && words[0] == name &&
        absl::SimpleAtoi(words[1], &value)) {
      return value;
    }
  }
  return std::nullopt;
}

// Returns the number that is the contents of a file, unless it is "max" or
// cannot be read.
std::optional<int64_t> Number(const std::string& path) {
  int64_t value;
  if (absl::SimpleAtoi(Contents(path), &value)) return value;
  return std::nullopt;
}

int64_t Left(int64_t limit, int64_t used) {
  return std::max<int64_t>(0, limit - used);
}

int64_t LeftOf(int resource, int64_t used) {
  rlimit limit;
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ||
      limit.rlim_cur > kUnlimited) {
    return kUnlimited;
  }
  return Left(static_cast<int64_t>(limit.rlim_cur), used);
}

// Returns the bytes that the limits of the process leave: of its address space
// and of its data.
int64_t LeftOfProcess(const std::string& root) {
  const std::vector<std::string> pages =
      absl::StrSplit(Contents(root + "/proc/self/statm"), ' ');
  int64_t size = 0, data = 0;
  if (pages.size() < 6 || !absl::SimpleAtoi(pages[0], &size) ||
      !absl::SimpleAtoi(pages[5], &data)) {
    return kUnlimited;
  }
  const int64_t page = sysconf(_SC_PAGESIZE);
  return std::min(LeftOf(RLIMIT_AS, size * page),
                  LeftOf(RLIMIT_DATA, data * page));
}

// The names of the files of a control group.
struct GroupFiles {
  std::string_view folder;  // the folder of all groups
  std::string_view limit;   // the file of the memory limit
  std::string_view used;    // the file of the memory in use
  std::string_view cache;   // the line of memory.stat that can be dropped
};
constexpr GroupFiles kVersion1 = {
    "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
    "total_inactive_file"};
constexpr GroupFiles kVersion2 = {"/sys/fs/cgroup", "memory.max",
                                  "memory.current", "inactive_file"};

// Returns the bytes that `group`, a path that begins with a slash, and the
// groups above it leave.
int64_t LeftOfGroup(const std::string& root, const GroupFiles& files,
                    std::string group) {
  int64_t left = kUnlimited;
  while (true) {
    const std::string folder =
        absl::StrCat(root, files.folder, absl::StripSuffix(group, "/"), "/");
    const std::optional<int64_t> limit =
        Number(absl::StrCat(folder, files.limit));
    const std::optional<int64_t> used =
        Number(absl::StrCat(folder, files.used));
    if (limit && used) {
      const int64_t cache =
          Field(Contents(folder + "memory.stat"), files.cache).value_or(0);
      left = std::min(left, Left(*limit, *used - cache));
    }
    if (group.size() <= 1) return left;
    group.resize(std::max<size_t>(1, group.rfind('/')));
  }
}

// Returns the bytes that the process's control groups leave. In a container the
// group may have the name that it has outside; then only the group at the top
// is found.
int64_t LeftOfGroups(const std::string& root) {
  int64_t left = kUnlimited;
  for (const std::string_view line :
       absl::StrSplit(Contents(root + "/proc/self/cgroup"), '\n')) {
    // number:controllers:group
    const std::vector<std::string> parts =
        absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (parts.size() < 3 || !absl::StartsWith(parts[2], "/")) continue;
    const std::vector<std::string_view> controllers =
        absl::StrSplit(parts[1], ',');
    if (parts[1].empty()) {
      left = std::min(left, LeftOfGroup(root, kVersion2, parts[2]));
    } else if (std::count(controllers.begin(), controllers.end(), "memory")) {
      left = std::min(left, LeftOfGroup(root, kVersion1, parts[2]));
    }
  }
  return left;
}

}  // namespace

int64_t AvailableMemoryBytes(const std::string& root) {
  const std::string machine = Contents(root + "/proc/meminfo");
  const std::optional<int64_t> free = Field(machine, "MemAvailable");
  const int64_t swap = 1024 * Field(machine, "SwapFree").value_or(0);
  int64_t left = free ? 1024 * *free + swap : kUnlimited;
  // A group's limit does not count swap, to which its memory may move.
  const int64_t group = LeftOfGroups(root);
  left = std::min(left, group < kUnlimited - swap ? group + swap : group);
  return std::min(left, LeftOfProcess(root));
}

absl::Status CheckMemory(double bytes, std::string_view what,
                         std::string_view remedy) {
  if (bytes < kMinChecked) return absl::OkStatus();
  const auto available = static_cast<double>(AvailableMemoryBytes());
  if (bytes <= available) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(what, " take ", HumanBytes(bytes), ", of which ",
                   HumanBytes(available), " are to be had; ", remedy));
}

std::string HumanBytes(double bytes) {
  constexpr std::string_view kUnits[] = {"bytes", "KiB", "MiB", "GiB",
                                         "TiB",   "PiB", "EiB"};
  size_t unit = 0;
  // 999.5 and more would round to four digits.
  while (bytes >= 999.5 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  const int decimals = unit > 0 && bytes < 9.95 ? 1 : 0;
  return absl::StrFormat("%.*f %s", decimals, bytes, kUnits[unit]);
}

}  // namespace rct
