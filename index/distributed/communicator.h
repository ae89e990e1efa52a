// Ranks: processes, or threads, that work on one search and share no memory.
//
// A distributed search (distributed_graph.h) sees other ranks through this
// interface alone. //tools:rct_mpi implements it with MPI; thread_ranks.h with
// threads of one process, for tests and for simulations: what is sent is the
// same.
//
// All calls are collective: every rank makes the same calls in the same order.
// They return the same status on all ranks or do not return: a rank that dies
// ends the others. So that a rank with an error of its own does not leave the
// others waiting, it goes on to the next Agree, which gives all of them the
// error of the lowest rank that has one.

#ifndef RCT_INDEX_DISTRIBUTED_COMMUNICATOR_H_
#define RCT_INDEX_DISTRIBUTED_COMMUNICATOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace rct {

class Communicator {
 public:
  virtual ~Communicator() = default;

  int rank() const { return rank_; }
  int size() const { return size_; }

  // Returns OK if `own` is OK on all ranks; else, on all of them, the status of
  // the lowest rank whose status is not OK.
  virtual absl::Status Agree(const absl::Status& own) = 0;

  // Sends send[r] to rank r, and returns what each rank has sent to this one.
  // `send` has size() strings of any bytes. However long they are, no message
  // is longer than kMessageBytes.
  virtual std::vector<std::string> Exchange(std::vector<std::string> send) = 0;

  // Returns the strings of all ranks, by rank.
  virtual std::vector<std::string> Gather(const std::string& own) = 0;

  // Returns the bytes that this rank has sent to other ranks so far: of
  // Exchange what is for others, of Gather (size() - 1) times its string. What
  // the transport adds is not in it.
  int64_t bytes_sent() const { return bytes_sent_; }

  static constexpr int64_t kMessageBytes = int64_t{1} << 28;

 protected:
  Communicator(int rank, int size) : rank_(rank), size_(size) {}
  void CountSent(int64_t bytes) { bytes_sent_ += bytes; }

 private:
  int rank_;
  int size_;
  int64_t bytes_sent_ = 0;
};

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_COMMUNICATOR_H_
