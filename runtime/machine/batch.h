#ifndef EIE_MACHINE_BATCH_H_
#define EIE_MACHINE_BATCH_H_

#include <cstdint>
#include <vector>

#include "image/program.h"

namespace eie {

/// Contiguous float32 values in host memory.
struct HostTensor {
  float* values;
  int64_t size;
};

/// The tensors of one call, viewed as samples of a program.
///
/// The first tensors are the inputs and the others the outputs. Each tensor concatenates one part
/// of all samples, in sample order.
class Batch {
 public:
  /// Throws std::invalid_argument if the sizes do not add up to whole samples.
  Batch(const Program& program, const std::vector<HostTensor>& tensors);

  int64_t samples() const { return samples_; }

  /// Collects the inputs of one sample.
  void Gather(int64_t sample, float* input) const;
  /// Distributes the outputs of one sample.
  void Scatter(int64_t sample, const float* output) const;

 private:
  struct Part {
    float* values;
    int64_t width;  // number of values per sample
  };

  int64_t samples_;
  std::vector<Part> inputs_;
  std::vector<Part> outputs_;
};

}  // namespace eie

#endif  // EIE_MACHINE_BATCH_H_
