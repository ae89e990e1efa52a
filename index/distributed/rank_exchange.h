// What the steps of a distributed search do together: exchanges of any size in
// pieces, and agreement after each step.
//
// A rank holds only a few pieces at a time of what it sends and of what it
// gets, however much that is in all. An error of one rank, an exception among
// them, does not stop an exchange, since others wait for it: the rank sends
// nothing more and drops what it gets, and at the end all ranks return the
// error of the lowest rank that has one.

#ifndef RCT_INDEX_DISTRIBUTED_RANK_EXCHANGE_H_
#define RCT_INDEX_DISTRIBUTED_RANK_EXCHANGE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "index/distributed/communicator.h"

namespace rct {

class RankExchange {
 public:
  // Returns the next piece for a rank, of at most some `bytes`, or of the least
  // size that a piece has; empty if there is none.
  using NextPiece = absl::FunctionRef<std::string(int to, int64_t bytes)>;
  // Takes a piece, which is not empty.
  using TakePiece = absl::FunctionRef<void(int from, std::string_view piece)>;

  // A rank sends about `piece_bytes` at a time, in all; 0 means as it suits.
  RankExchange(Communicator& ranks, int64_t piece_bytes);

  int rank() const { return ranks_.rank(); }
  int size() const { return ranks_.size(); }

  // Takes a step of this rank's own, and returns what all agree on.
  absl::Status Step(absl::FunctionRef<absl::Status()> step);

  // Returns the strings of all ranks, by rank.
  std::vector<std::string> Gather(const std::string& own);

  // Sends one piece to each rank. Returns, alike on all ranks, whether any has
  // sent any. An exception becomes an error of the next Step.
  bool Round(NextPiece next, TakePiece take);
  // Sends pieces until no rank has any more.
  absl::Status Exchange(NextPiece next, TakePiece take);
  // Sends the same pieces to all ranks, this one included. `to` is this rank.
  absl::Status ExchangeWithAll(NextPiece next, TakePiece take);

  // Counts the bytes that are sent from now on in `bytes`.
  void CountIn(int64_t& bytes) { counter_ = &bytes; }
  // Returns how many bytes were sent in all.
  int64_t bytes_sent() const { return ranks_.bytes_sent() - sent_before_; }
  // Returns how long this rank was in calls that all make.
  double seconds_together() const { return seconds_; }

 private:
  // Returns call(), timed and counted.
  template <class Call>
  auto Together(Call call);
  void Caught();

  Communicator& ranks_;
  int64_t piece_bytes_;
  int64_t sent_before_;
  absl::Status own_;  // of an exchange that goes on
  int64_t uncounted_ = 0;
  int64_t* counter_ = &uncounted_;
  double seconds_ = 0;
};

}  // namespace rct

#endif  // RCT_INDEX_DISTRIBUTED_RANK_EXCHANGE_H_
