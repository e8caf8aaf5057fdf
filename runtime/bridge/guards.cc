#include <tvm/ffi/container/shape.h>
#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/error.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>
#include <tvm/ffi/string.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <vector>

#include "bridge/convert.h"

namespace eie {
namespace {

/// Calls `body` with the values of a contiguous CPU tensor, typed as they are.
template <typename Body>
void Visit(const std::string& where, const ffi::Tensor& tensor, Body body) {
  if (tensor.device().device_type != kDLCPU || !tensor.IsContiguous()) {
    TVM_FFI_THROW(ValueError) << where << ": a checked operand must be contiguous, on the CPU";
  }
  const void* const data = static_cast<const char*>(tensor.data_ptr()) + tensor.byte_offset();
  const DLDataType dtype = tensor.dtype();
  const auto is = [&](DLDataTypeCode code, int bits) {
    return dtype == DLDataType{static_cast<uint8_t>(code), static_cast<uint8_t>(bits), 1};
  };
  if (is(kDLInt, 64)) return body(static_cast<const int64_t*>(data));
  if (is(kDLInt, 32)) return body(static_cast<const int32_t*>(data));
  if (is(kDLInt, 16)) return body(static_cast<const int16_t*>(data));
  if (is(kDLInt, 8)) return body(static_cast<const int8_t*>(data));
  if (is(kDLUInt, 64)) return body(static_cast<const uint64_t*>(data));
  if (is(kDLUInt, 32)) return body(static_cast<const uint32_t*>(data));
  if (is(kDLUInt, 16)) return body(static_cast<const uint16_t*>(data));
  if (is(kDLUInt, 8)) return body(static_cast<const uint8_t*>(data));
  if (is(kDLFloat, 32)) return body(static_cast<const float*>(data));
  if (is(kDLFloat, 64)) return body(static_cast<const double*>(data));
  TVM_FFI_THROW(InputError) << where << ": indices of dtype " << ffi::DLDataTypeToString(dtype)
                            << "; give integers";
}

/// Returns a place as text, for example (0, 2).
std::string Place(const ffi::Tensor& tensor, int64_t at) {
  std::string text;
  for (int axis = tensor.ndim() - 1; axis >= 0; --axis) {
    const int64_t extent = tensor.size(axis);
    text = std::to_string(at % extent) + (text.empty() ? "" : ", ") + text;
    at /= extent;
  }
  return "(" + text + ")";
}

/// Whether a value is in a range; NaN is in none.
template <typename Value>
bool Within(Value value, int64_t low, int64_t high) {
  if constexpr (std::is_floating_point_v<Value>) {
    return value >= static_cast<double>(low) && value <= static_cast<double>(high);
  } else if constexpr (std::is_unsigned_v<Value>) {
    return high >= 0 && value <= static_cast<uint64_t>(high) &&
           (low <= 0 || value >= static_cast<uint64_t>(low));
  } else {
    return value >= low && value <= high;
  }
}

/// Memory of a tensor's own.
struct OnHeap {
  static constexpr std::align_val_t kAlignment{64};
  void AllocData(DLTensor* tensor) {
    tensor->data = ::operator new(ffi::GetDataSize(*tensor), kAlignment);
  }
  void FreeData(DLTensor* tensor) { ::operator delete(tensor->data, kAlignment); }
};

/// Returns a copy of a contiguous CPU tensor.
///
/// TVM's memory planner does not know that a function may return its argument: after the call it
/// gives the argument's memory to another value, while the result is still read.
ffi::Tensor Copied(const ffi::Tensor& from) {
  const ffi::Tensor copy =
      ffi::Tensor::FromNDAlloc(OnHeap(), from.shape(), from.dtype(), DLDevice{kDLCPU, 0});
  const void* const data = static_cast<const char*>(from.data_ptr()) + from.byte_offset();
  std::memcpy(copy.data_ptr(), data, ffi::GetDataSize(from.numel(), from.dtype()));
  return copy;
}

/// Returns a copy of `index` if its values are within `low`..`high`; each has one number, or one
/// for each place on the last axis.
ffi::Tensor CheckIndex(const ffi::String& where, const ffi::Tensor& index, const ffi::Shape& low,
                       const ffi::Shape& high) {
  const auto columns = static_cast<int64_t>(low.size());
  const bool fits = columns == 1 || (index.ndim() > 0 && index.size(-1) == columns);
  if (low.size() != high.size() || !fits) {
    TVM_FFI_THROW(ValueError) << where << ": " << low.size() << " and " << high.size()
                              << " bounds do not fit its indices";
  }
  Visit(where, index, [&](const auto* values) {
    const int64_t count = index.numel();
    for (int64_t n = 0, column = 0; n < count; ++n) {
      if (!Within(values[n], low[column], high[column])) {
        TVM_FFI_THROW(InputError) << std::string(where) << ": index " << +values[n] << " at "
                                  << Place(index, n) << " is outside " << low[column] << ".."
                                  << high[column] << "; correct the input";
      }
      if (++column == columns) column = 0;
    }
  });
  return Copied(index);
}

/// Returns the place in `tensor` that place `at` of a tensor of `shape` reads when it broadcasts.
int64_t Broadcast(const ffi::Tensor& tensor, const std::vector<int64_t>& shape, int64_t at) {
  int64_t found = 0, stride = 1;
  for (int back = 1; back <= static_cast<int>(shape.size()); ++back) {
    const int64_t extent = shape[shape.size() - back];
    if (back <= tensor.ndim()) {
      const int64_t own = tensor.size(-back);
      found += own == 1 ? 0 : at % extent * stride;
      stride *= own;
    }
    at /= extent;
  }
  return found;
}

/// Returns a copy of `divisor` if it has no 0, and no -1 where the dividend is the lowest integer.
ffi::Tensor CheckDivisor(const ffi::String& where, const ffi::Tensor& dividend,
                         const ffi::Tensor& divisor) {
  bool has_minus_one = false;
  Visit(where, divisor, [&](const auto* values) {
    for (int64_t n = 0; n < divisor.numel(); ++n) {
      if (values[n] == 0) {
        TVM_FFI_THROW(InputError) << std::string(where) << ": divisor 0 at " << Place(divisor, n)
                                  << "; an integer has no quotient by 0: correct the input";
      }
      has_minus_one |= std::is_signed_v<std::decay_t<decltype(*values)>> && values[n] + 1 == 0;
    }
  });
  if (!has_minus_one) return Copied(divisor);
  std::vector<int64_t> shape(std::max(dividend.ndim(), divisor.ndim()), 1);
  int64_t count = 1;
  for (int back = 1; back <= static_cast<int>(shape.size()); ++back) {
    int64_t& extent = shape[shape.size() - back];
    for (const ffi::Tensor& tensor : {dividend, divisor}) {
      if (back <= tensor.ndim() && tensor.size(-back) != 1) extent = tensor.size(-back);
    }
    count *= extent;
  }
  Visit(where, dividend, [&](const auto* above) {
    using Value = std::decay_t<decltype(*above)>;
    Visit(where, divisor, [&](const auto* below) {
      for (int64_t n = 0; n < count; ++n) {
        if (below[Broadcast(divisor, shape, n)] + 1 != 0) continue;
        if (above[Broadcast(dividend, shape, n)] != std::numeric_limits<Value>::lowest()) continue;
        TVM_FFI_THROW(InputError) << std::string(where) << ": "
                                  << +std::numeric_limits<Value>::lowest()
                                  << " divided by -1 is no "
                                  << ffi::DLDataTypeToString(dividend.dtype())
                                  << ": correct the input";
      }
    });
  });
  return Copied(divisor);
}

/// Memory of no bytes, for tensors without values.
struct NoBytes {
  void AllocData(DLTensor* tensor) { tensor->data = nullptr; }
  void FreeData(DLTensor* /*tensor*/) {}
};

/// Returns a tensor of a shape without values.
ffi::Tensor Empty(const ffi::Shape& shape, const ffi::String& dtype) {
  if (std::find(shape.begin(), shape.end(), 0) == shape.end()) {
    TVM_FFI_THROW(ValueError) << "eie.empty: a shape of no zeros; it has values";
  }
  return ffi::Tensor::FromNDAlloc(NoBytes(), shape, ffi::StringToDLDataType(dtype),
                                  DLDevice{kDLCPU, 0});
}

TVM_FFI_STATIC_INIT_BLOCK() {
  tvm::ffi::reflection::GlobalDef()
      .def("eie.check_index", CheckIndex)
      .def("eie.check_divisor", CheckDivisor)
      .def("eie.empty", Empty);
}

}  // namespace
}  // namespace eie
