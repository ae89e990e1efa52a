// The trace of a search, level by level and phase by phase: the source of
// telemetry. Each thread keeps one while telemetry is on, and they are added
// up.

#ifndef RCT_TRAVERSAL_SEARCH_TRACE_H_
#define RCT_TRAVERSAL_SEARCH_TRACE_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace rct {

struct SearchTrace {
  struct Level {
    // Segments of a tree or blocks, once for each query: those that waited on
    // the frontier, those whose points were looked at, and those that a lower
    // bound dismissed.
    int64_t frontier = 0;
    int64_t expanded = 0;
    int64_t pruned = 0;
    int64_t evaluations = 0;  // pairs whose distance was computed
    int64_t survivors = 0;    // of these, candidates that entered neighbors
  };

  Level& level(int64_t index) {
    if (index >= static_cast<int64_t>(levels.size())) levels.resize(index + 1);
    return levels[index];
  }

  void AddTile(int64_t index, int width, int64_t evaluations,
               int64_t survivors) {
    level(index).evaluations += evaluations;
    level(index).survivors += survivors;
    ++tiles[width];
  }

  void Add(const SearchTrace& other) {
    for (size_t l = 0; l < other.levels.size(); ++l) {
      Level& mine = level(static_cast<int64_t>(l));
      const Level& more = other.levels[l];
      mine.frontier += more.frontier;
      mine.expanded += more.expanded;
      mine.pruned += more.pruned;
      mine.evaluations += more.evaluations;
      mine.survivors += more.survivors;
    }
    for (const auto& [width, count] : other.tiles) tiles[width] += count;
    evaluation_seconds += other.evaluation_seconds;
    selection_seconds += other.selection_seconds;
    descent_seconds += other.descent_seconds;
  }

  // The levels of a tree, of which 0 holds the root alone. For EXHAUSTIVE and
  // BLOCK, level 0 holds everything.
  std::vector<Level> levels;
  std::map<int, int64_t>
      tiles;  // their number, by how many candidates they had
  // Sums over threads.
  double evaluation_seconds = 0;  // computing distances
  double selection_seconds = 0;   // offering them to the neighbors
  double descent_seconds = 0;     // the whole search, these two included
};

// Adds the time between its construction and destruction to `*seconds`, unless
// that is null.
class ScopedSeconds {
 public:
  explicit ScopedSeconds(double* seconds) : seconds_(seconds) {
    if (seconds_ != nullptr) start_ = std::chrono::steady_clock::now();
  }
  ~ScopedSeconds() {
    if (seconds_ != nullptr) {
      *seconds_ += std::chrono::duration<double>(
                       std::chrono::steady_clock::now() - start_)
                       .count();
    }
  }
  ScopedSeconds(const ScopedSeconds&) = delete;
  ScopedSeconds& operator=(const ScopedSeconds&) = delete;

 private:
  double* seconds_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace rct

#endif  // RCT_TRAVERSAL_SEARCH_TRACE_H_
