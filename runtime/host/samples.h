#ifndef EIE_HOST_SAMPLES_H_
#define EIE_HOST_SAMPLES_H_

#include <atomic>
#include <cstdint>
#include <functional>

namespace eie {

/// The samples of one call, or pieces of one, shared out among threads.
class Samples {
 public:
  explicit Samples(int64_t count) : count_(count) {}

  /// Takes the next sample; false if there is none left.
  bool Take(int64_t* sample) {
    *sample = next_.fetch_add(1, std::memory_order_relaxed);
    return *sample < count_;
  }

  /// Nobody gets another sample.
  void Drop() { next_ = count_; }

 private:
  std::atomic<int64_t> next_{0};
  const int64_t count_;
};

/// Runs `work`, which takes samples until there are none, on `threads` threads; 0: on all cores.
///
/// The threads live for the call only: no state is kept, and a process may fork between calls.
/// Rethrows the first exception, after all threads have ended.
void ShareSamples(int64_t count, int64_t threads, const std::function<void(Samples&)>& work);

}  // namespace eie

#endif  // EIE_HOST_SAMPLES_H_
