// A file in memory, for calls that take a path.

#ifndef RCT_TOOLS_FUZZING_MEMORY_FILE_H_
#define RCT_TOOLS_FUZZING_MEMORY_FILE_H_

#include <string>
#include <string_view>

namespace rct {

class MemoryFile {
 public:
  explicit MemoryFile(std::string_view contents);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  // Returns a path that a call may open as often as it likes.
  std::string path() const;

 private:
  int fd_;
};

}  // namespace rct

#endif  // RCT_TOOLS_FUZZING_MEMORY_FILE_H_
