// Threads that share a list of tasks.

#ifndef RCT_BASE_PARALLEL_H_
#define RCT_BASE_PARALLEL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "base/monitor.h"

namespace rct {

// Calls fn(task, worker) once for each task in [0, num_tasks), on at most
// num_threads threads, and returns when all tasks are done. Tasks begin in
// ascending order: a free worker takes the next one. `worker` is in
// [0, num_threads), and calls that overlap in time have different ones, so that
// it can index scratch space; the calling thread is worker 0. With
// num_threads <= 1 or num_tasks <= 1 everything runs in the calling thread.
//
// The assignment of tasks to workers is not determined, so that a result must
// depend on the task alone. Everything that fn wrote is visible to the caller
// after the call.
//
// If the system starts fewer threads than requested, or none, the others do all
// tasks. If the memory of the process is limited (setrlimit), no thread is
// started whose stack would take the last of it. If fn throws in any thread, no
// further task begins, and once the running tasks have ended the caller gets
// the exception; of several exceptions, the first.
//
// Cost. A call starts each worker's thread, which takes tens of microseconds; a
// task costs one atomic increment and should take a few microseconds or more.
void ParallelFor(int num_threads, int64_t num_tasks,
                 absl::FunctionRef<void(int64_t task, int worker)> fn);

// Does the same and reports to `monitor`, which may be null: the call is a part
// of the work, each task one of its steps. Tasks that have not begun when the
// monitor is cancelled are left out.
void ParallelFor(int num_threads, int64_t num_tasks, Monitor* monitor,
                 absl::FunctionRef<void(int64_t task, int worker)> fn);

// Returns the number of CPUs on which this process may run, at least 1: those
// of its affinity mask, which may be fewer than the machine has.
int HardwareThreads();

// Returns the number of threads that a config requests: HardwareThreads() for
// 0, otherwise `requested`. A negative number is a programmer error, since
// configs are validated before.
int ResolveThreads(int requested);

}  // namespace rct

#endif  // RCT_BASE_PARALLEL_H_
