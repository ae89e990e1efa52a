// With this the headers of the C library define some of its functions inline.
#undef _FORTIFY_SOURCE

#include "base/test_system_calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace rct {
namespace {

// What is special about a call.
enum Trait : unsigned {
  kNone = 0,
  kInterruptible = 1,
  kTransfers = 2,  // reads or writes
};

std::atomic<bool> active = false;
std::atomic<int64_t> calls = 0;
std::atomic<int64_t> faults = 0;
std::atomic<const char*> failed_call = nullptr;
int64_t first = 0;
Fault fault;

bool Concerns(unsigned traits) {
  if (fault.error == 0) return (traits & kTransfers) != 0;
  return fault.error != EINTR || (traits & kInterruptible) != 0;
}

// Returns whether the call of this name has the fault.
bool Hits(const char* name, unsigned traits) {
  if (!active || !Concerns(traits)) return false;
  const int64_t number = calls++;
  if (number != first && !(fault.for_good && number > first)) return false;
  if (number == first) failed_call = name;
  ++faults;
  return true;
}

// Returns the function of the C library.
template <class Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// Makes the call of this name, or fails in its place.
template <class Function, class... Arguments>
auto Call(Function* real, const char* name, unsigned traits,
          Arguments... arguments) {
  if (Hits(name, traits)) {
    errno = fault.error;
    return static_cast<decltype(real(arguments...))>(-1);
  }
  return real(arguments...);
}

// Reads or writes, of which less than all may be done.
template <class Function, class Pointer>
ssize_t Transfer(Function* real, const char* name, int fd, Pointer data,
                 size_t size) {
  if (!Hits(name, kInterruptible | kTransfers)) return real(fd, data, size);
  if (fault.error == 0) return real(fd, data, std::min<size_t>(size, 1));
  errno = fault.error;
  return -1;
}

}  // namespace

SystemCallFault::SystemCallFault(int64_t number, Fault what) {
  first = number;
  fault = what;
  calls = 0;
  failed_call = nullptr;
  active = true;
}

SystemCallFault::~SystemCallFault() { active = false; }

bool SystemCallFault::happened() const { return failed_call != nullptr; }

std::string SystemCallFault::call() const {
  const char* name = failed_call;
  return name == nullptr ? "" : name;
}

int64_t SystemCallFaults() { return faults; }

}  // namespace rct

// These stand before those of the C library.

extern "C" {

int open(const char* path, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  static auto* const real = rct::Real<int(const char*, int, mode_t)>("open");
  return rct::Call(real, "open", rct::kInterruptible, path, flags, mode);
}

// What <fcntl.h> makes of open where _FORTIFY_SOURCE is on.
int __open_2(const char* path, int flags) {  // NOLINT
  static auto* const real = rct::Real<int(const char*, int, ...)>("open");
  return rct::Call(real, "open", rct::kInterruptible, path, flags);
}

ssize_t read(int fd, void* data, size_t size) {
  static auto* const real = rct::Real<ssize_t(int, void*, size_t)>("read");
  return rct::Transfer(real, "read", fd, data, size);
}

ssize_t write(int fd, const void* data, size_t size) {
  static auto* const real =
      rct::Real<ssize_t(int, const void*, size_t)>("write");
  return rct::Transfer(real, "write", fd, data, size);
}

// Closes the file in any case, as Linux does.
int close(int fd) {
  static auto* const real = rct::Real<int(int)>("close");
  const int result = real(fd);
  if (!rct::Hits("close", rct::kInterruptible)) return result;
  errno = rct::fault.error;
  return -1;
}

int fsync(int fd) {
  static auto* const real = rct::Real<int(int)>("fsync");
  return rct::Call(real, "fsync", rct::kInterruptible, fd);
}

int ftruncate(int fd, off_t size) noexcept {
  static auto* const real = rct::Real<int(int, off_t)>("ftruncate");
  return rct::Call(real, "ftruncate", rct::kInterruptible, fd, size);
}

int fchmod(int fd, mode_t mode) noexcept {
  static auto* const real = rct::Real<int(int, mode_t)>("fchmod");
  return rct::Call(real, "fchmod", rct::kInterruptible, fd, mode);
}

int fchown(int fd, uid_t owner, gid_t group) noexcept {
  static auto* const real = rct::Real<int(int, uid_t, gid_t)>("fchown");
  return rct::Call(real, "fchown", rct::kInterruptible, fd, owner, group);
}

int poll(pollfd* files, nfds_t count, int timeout) {
  static auto* const real = rct::Real<int(pollfd*, nfds_t, int)>("poll");
  return rct::Call(real, "poll", rct::kInterruptible, files, count, timeout);
}

int stat(const char* path, struct stat* info) noexcept {
  static auto* const real = rct::Real<int(const char*, struct stat*)>("stat");
  return rct::Call(real, "stat", rct::kNone, path, info);
}

int lstat(const char* path, struct stat* info) noexcept {
  static auto* const real = rct::Real<int(const char*, struct stat*)>("lstat");
  return rct::Call(real, "lstat", rct::kNone, path, info);
}

int fstat(int fd, struct stat* info) noexcept {
  static auto* const real = rct::Real<int(int, struct stat*)>("fstat");
  return rct::Call(real, "fstat", rct::kNone, fd, info);
}

int access(const char* path, int mode) noexcept {
  static auto* const real = rct::Real<int(const char*, int)>("access");
  return rct::Call(real, "access", rct::kNone, path, mode);
}

int link(const char* from, const char* to) noexcept {
  static auto* const real = rct::Real<int(const char*, const char*)>("link");
  return rct::Call(real, "link", rct::kNone, from, to);
}

int rename(const char* from, const char* to) noexcept {
  static auto* const real = rct::Real<int(const char*, const char*)>("rename");
  return rct::Call(real, "rename", rct::kNone, from, to);
}

int unlink(const char* path) noexcept {
  static auto* const real = rct::Real<int(const char*)>("unlink");
  return rct::Call(real, "unlink", rct::kNone, path);
}

int mkdir(const char* path, mode_t mode) noexcept {
  static auto* const real = rct::Real<int(const char*, mode_t)>("mkdir");
  return rct::Call(real, "mkdir", rct::kNone, path, mode);
}

void* mmap(void* at, size_t size, int protection, int flags, int fd,
           off_t offset) noexcept {
  static auto* const real =
      rct::Real<void*(void*, size_t, int, int, int, off_t)>("mmap");
  // Memory of no file is the allocator's.
  if (fd >= 0 && rct::Hits("mmap", rct::kNone)) {
    errno = rct::fault.error;
    return MAP_FAILED;
  }
  return real(at, size, protection, flags, fd, offset);
}

}  // extern "C"
