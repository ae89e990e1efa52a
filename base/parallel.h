// Threads that share out tasks.

#ifndef RCT_BASE_PARALLEL_H_
#define RCT_BASE_PARALLEL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "base/monitor.h"

namespace rct {

// Calls fn(task, worker) once for each task in [0, num_tasks), on at most
// num_threads threads, and returns when all are done. Tasks are begun in
// ascending order: a worker that is free takes the next. `worker` is in
// [0, num_threads), and two calls that overlap in time have different ones, so
// that it can index scratch space; the calling thread is worker 0. With
// num_threads <= 1 or num_tasks <= 1 everything runs in the calling thread.
//
// Which worker gets which task is not determined: a result must depend on the
// task alone. What fn wrote is visible to the caller afterwards.
//
// Threads are a help and no need: where the system starts fewer than were asked
// for, or none, those that there are do all tasks; where the memory of the
// process is limited (setrlimit), no thread is started whose stack would take
// the last of it. If fn throws, in whatever thread, no further task is begun,
// and when those under way have ended the exception is thrown on to the caller;
// of several exceptions, the first.
//
// Cost. One thread start a call and worker, tens of microseconds; one atomic
// increment a task. Make tasks a few microseconds long, or longer.
void ParallelFor(int num_threads, int64_t num_tasks,
                 absl::FunctionRef<void(int64_t task, int worker)> fn);

// The same, watched: each task is a step of what the part around it has left,
// and once the monitor is cancelled those that have not begun are left out.
// `monitor` may be null.
void ParallelFor(int num_threads, int64_t num_tasks, Monitor* monitor,
                 absl::FunctionRef<void(int64_t task, int worker)> fn);

// How many CPUs this process may run on (its affinity mask, which may be fewer
// than the machine has); at least 1.
int HardwareThreads();

// A requested thread count as a config gives it: 0 means HardwareThreads(), and
// a positive number itself. A negative one is a programmer error: configs are
// validated before.
int ResolveThreads(int requested);

}  // namespace rct

#endif  // RCT_BASE_PARALLEL_H_
