#include "base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/check.h"
#include "base/monitor.h"

namespace rct {

void ParallelFor(int num_threads, int64_t num_tasks,
                 absl::FunctionRef<void(int64_t task, int worker)> fn) {
  std::atomic<int64_t> next_task = 0;
  const auto work = [&next_task, num_tasks, fn](int worker) {
    // Relaxed: the counter orders nothing but itself, and joining the threads
    // publishes what they wrote.
    for (int64_t task = next_task.fetch_add(1, std::memory_order_relaxed);
         task < num_tasks;
         task = next_task.fetch_add(1, std::memory_order_relaxed)) {
      fn(task, worker);
    }
  };
  const int64_t num_workers = std::min<int64_t>(num_threads, num_tasks);
  std::vector<std::thread> threads;
  for (int worker = 1; worker < num_workers; ++worker) {
    threads.emplace_back(work, worker);
  }
  work(0);
  for (std::thread& thread : threads) thread.join();
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
