#include "machine/batch.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace eie {
namespace {

[[noreturn]] void Fail(const Program& program, const std::vector<HostTensor>& tensors) {
  std::string sizes;
  for (const HostTensor& tensor : tensors) {
    sizes += (sizes.empty() ? "" : ", ") + std::to_string(tensor.size);
  }
  throw std::invalid_argument("a call of " + program.symbol + " passes tensors of " + sizes +
                              " values; it takes " + std::to_string(program.inputs) +
                              " inputs, then " + std::to_string(program.outputs) +
                              " outputs, for each sample");
}

}  // namespace

Batch::Batch(const Program& program, const std::vector<HostTensor>& tensors) {
  int64_t total = 0;
  for (const HostTensor& tensor : tensors) total += tensor.size;
  samples_ = total / (program.inputs + program.outputs);
  int64_t inputs = 0;
  int64_t outputs = 0;
  for (const HostTensor& tensor : tensors) {
    if (tensor.size == 0) continue;
    if (samples_ == 0 || tensor.size % samples_ != 0) Fail(program, tensors);
    const Part part{tensor.values, tensor.size / samples_};
    const bool is_input = inputs < program.inputs;
    (is_input ? inputs_ : outputs_).push_back(part);
    (is_input ? inputs : outputs) += part.width;
  }
  if (samples_ > 0 && (inputs != program.inputs || outputs != program.outputs)) {
    Fail(program, tensors);
  }
}

void Batch::Gather(int64_t sample, float* input) const {
  for (const Part& part : inputs_) {
    input = std::copy_n(part.values + sample * part.width, part.width, input);
  }
}

void Batch::Scatter(int64_t sample, const float* output) const {
  for (const Part& part : outputs_) {
    std::copy_n(output, part.width, part.values + sample * part.width);
    output += part.width;
  }
}

}  // namespace eie
