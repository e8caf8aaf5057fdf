#ifndef EIE_HOST_SHARE_WORK_H_
#define EIE_HOST_SHARE_WORK_H_

#include <atomic>
#include <cstdint>
#include <functional>

namespace eie {

/// Numbered pieces of work that threads take one by one: the samples of a call, or parts of one
/// sample.
class Pieces {
 public:
  explicit Pieces(int64_t count) : count_(count) {}

  /// Takes the next piece; returns false if there is none left.
  bool Take(int64_t* piece) {
    *piece = next_.fetch_add(1, std::memory_order_relaxed);
    return *piece < count_;
  }

  /// Drops the remaining pieces.
  void Drop() { next_ = count_; }

 private:
  std::atomic<int64_t> next_{0};
  const int64_t count_;
};

/// Runs `work`, which takes pieces until none is left, on `threads` threads; 0: one per core.
///
/// The threads end with the call. There is no state, so a process may fork between calls.
/// Rethrows the first exception, after all threads have ended.
void ShareWork(int64_t count, int64_t threads, const std::function<void(Pieces&)>& work);

}  // namespace eie

#endif  // EIE_HOST_SHARE_WORK_H_
