#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/check.h"
#include "base/monitor.h"

namespace rct {
namespace {

bool Limited(int resource) {
  rlimit limit;
  return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

// Returns true if a thread that is started now has memory for more than its
// stack, or if the memory of the process is not limited.
bool RoomForAThread() {
  if (!Limited(RLIMIT_AS) && !Limited(RLIMIT_DATA)) return true;
  constexpr size_t kMore = 16 << 20;
  size_t stack = 0;
  pthread_attr_t attributes;
  if (pthread_getattr_default_np(&attributes) == 0) {
    pthread_attr_getstacksize(&attributes, &stack);
    pthread_attr_destroy(&attributes);
  }
  void* room = mmap(nullptr, stack + kMore, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room == MAP_FAILED) return false;
  munmap(room, stack + kMore);
  return true;
}

}  // namespace

void ParallelFor(int num_threads, int64_t num_tasks,
                 absl::FunctionRef<void(int64_t task, int worker)> fn) {
  std::atomic<int64_t> next_task = 0;
  std::atomic<bool> failed = false;
  std::exception_ptr failure;  // set by the worker that set `failed`
  const auto work = [&](int worker) {
    // A thread's first exception makes glibc allocate memory for the thread,
    // and ends the process if there is none. The thread therefore allocates it
    // now, while RoomForAThread() has left some, and not when the exception is
    // that memory ran out.
    static_cast<void>(std::uncaught_exceptions());
    // Relaxed order suffices: the counter orders nothing but itself, and
    // joining the threads publishes their results.
    try {
      for (int64_t task = next_task.fetch_add(1, std::memory_order_relaxed);
           task < num_tasks && !failed.load(std::memory_order_relaxed);
           task = next_task.fetch_add(1, std::memory_order_relaxed)) {
        fn(task, worker);
      }
    } catch (...) {
      if (!failed.exchange(true)) failure = std::current_exception();
    }
  };
  const int64_t num_workers = std::min<int64_t>(num_threads, num_tasks);
  std::vector<std::thread> threads;
  try {
    if (num_workers > 1) threads.reserve(num_workers - 1);
    for (int worker = 1; worker < num_workers && RoomForAThread(); ++worker) {
      threads.emplace_back(work, worker);
    }
  } catch (const std::exception&) {
    // The system has no further thread, or no memory for one.
  }
  work(0);
  for (std::thread& thread : threads) thread.join();
  if (failure != nullptr) std::rethrow_exception(std::move(failure));
}

void ParallelFor(int num_threads, int64_t num_tasks, Monitor* monitor,
                 absl::FunctionRef<void(int64_t task, int worker)> fn) {
  const Monitor::Part part(monitor, /*share=*/1, num_tasks);
  ParallelFor(num_threads, num_tasks, [monitor, fn](int64_t task, int worker) {
    if (!Monitor::Go(monitor)) return;
    fn(task, worker);
    Monitor::Go(monitor, 1);
  });
}

int HardwareThreads() {
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0) return CPU_COUNT(&cpus);
  // More CPUs than a cpu_set_t holds.
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int ResolveThreads(int requested) {
  RCT_CHECK(requested >= 0);
  return requested == 0 ? HardwareThreads() : requested;
}

}  // namespace rct
