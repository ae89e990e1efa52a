// Lets system calls fail, in tests of what must survive it. Linking this puts
// functions of its own before those of the C library by which a process uses
// files: open, read, write, close, fsync, stat, fstat, lstat, access, fchmod,
// fchown, link, rename, unlink, mkdir, mmap, poll and ftruncate. Without a
// fault they do what those do.

#ifndef RCT_BASE_TEST_SYSTEM_CALLS_H_
#define RCT_BASE_TEST_SYSTEM_CALLS_H_

#include <cstdint>
#include <string>

namespace rct {

// What a system call does in place of its work.
struct Fault {
  // Fails with this errno. With EINTR only calls that POSIX lets signals
  // interrupt count, and they fail without a trace. 0 means that a call to read
  // or write transfers one byte alone; only those count.
  int error = 0;
  // Whether all later calls fail as well.
  bool for_good = false;
};

// While an object of this class lives, the system call of the given number (the
// next one is 0), of those that the fault concerns, has the fault, in any
// thread. One object at a time may live.
class SystemCallFault {
 public:
  SystemCallFault(int64_t number, Fault fault);
  ~SystemCallFault();
  SystemCallFault(const SystemCallFault&) = delete;
  SystemCallFault& operator=(const SystemCallFault&) = delete;

  // Returns whether that call was made.
  bool happened() const;
  // Returns its name, as "fsync", or "".
  std::string call() const;
};

// Returns the number of faults that have happened in this process.
int64_t SystemCallFaults();

}  // namespace rct

#endif  // RCT_BASE_TEST_SYSTEM_CALLS_H_
