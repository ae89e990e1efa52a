// Ranks that are the processes of an MPI job.
//
//     const MpiSession session;               // MPI_Init and MPI_Finalize
//     MpiCommunicator ranks;
//     ... DistributedGraph(ranks, ...) ...
//
// Exchange. Sizes go first, by MPI_Ialltoall. Then, step by step, rank r sends
// to r + 1, r + 2, and so on, and receives from r - 1, r - 2, ..., modulo the
// number of ranks: without blocking, in pieces of at most `piece_bytes`. The
// pieces of both directions with one number within a step go together. A rank
// starts some of them, in the order of (step, number), of two `piece_bytes` or
// one number at a time, waits until they are through, and goes on.
//
// Nobody waits for ever: of the pieces of all ranks that are not through,
// consider one whose (step, number) is the least. On the rank that sends it,
// and on the one that receives it, all before it are through, and so both have
// started it.
//
// Memory: beside the strings that are sent and received there is what MPI keeps
// of the pieces in flight. A string is freed as soon as it is sent, and room
// for one that is received is made when its first piece is due.
//
// Gather is MPI_Iallgatherv in rounds, each of at most `piece_bytes` in all, or
// a byte of each rank.
//
// A rank that waits sleeps, and looks every 50 microseconds: MPI would keep a
// processor busy, which ranks that share one want for their threads.
//
// All calls are to be made by the thread that made the session
// (MPI_THREAD_FUNNELED). Where MPI has an error of its own, as a connection
// that broke off, it says so and ends the job.

#ifndef RCT_TOOLS_MPI_MPI_COMMUNICATOR_H_
#define RCT_TOOLS_MPI_MPI_COMMUNICATOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "index/distributed/communicator.h"

namespace rct {

// Initializes MPI; finalizes it, which waits for all ranks, when it goes. A
// process that no launcher has started is a job of one rank.
class MpiSession {
 public:
  MpiSession();
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  // Ends all ranks at once, and the job with this exit code. For errors that
  // one rank has where the others wait for it.
  [[noreturn]] static void Abort(int exit_code);
};

class MpiCommunicator final : public Communicator {
 public:
  // All processes of the job. No message is longer than `piece_bytes` > 0,
  // which are at most kMessageBytes, and the same on all ranks.
  explicit MpiCommunicator(int64_t piece_bytes = kMessageBytes);

  absl::Status Agree(const absl::Status& own) override;
  std::vector<std::string> Exchange(std::vector<std::string> send) override;
  std::vector<std::string> Gather(const std::string& own) override;

 private:
  const int64_t piece_bytes_;
};

}  // namespace rct

#endif  // RCT_TOOLS_MPI_MPI_COMMUNICATOR_H_
