#ifndef EIE_BRIDGE_CONVERT_H_
#define EIE_BRIDGE_CONVERT_H_

#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/error.h>
#include <tvm/ffi/string.h>

#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

namespace eie {

namespace ffi = tvm::ffi;

/// Calls `body` and converts the core's exceptions to Python's.
template <typename Body>
auto Translate(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const ffi::Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    TVM_FFI_THROW(MemoryError) << "eie: out of memory";
  } catch (const std::exception& error) {
    TVM_FFI_THROW(ValueError) << error.what();
  }
  TVM_FFI_UNREACHABLE();
}

/// Returns the values of a contiguous CPU tensor.
template <typename Word>
Word* Values(const std::string& name, const ffi::TensorView& tensor) {
  constexpr DLDataTypeCode code = std::is_floating_point_v<Word> ? kDLFloat
                                  : std::is_signed_v<Word>       ? kDLInt
                                                                 : kDLUInt;
  const DLDataType dtype = tensor.dtype();
  const DLDataType expected{code, 8 * sizeof(Word), 1};
  if (dtype != expected) {
    TVM_FFI_THROW(ValueError) << name << " has dtype " << ffi::DLDataTypeToString(dtype)
                              << "; it must be " << ffi::DLDataTypeToString(expected);
  }
  if (tensor.device().device_type != kDLCPU) {
    TVM_FFI_THROW(ValueError) << name << " is on device type " << tensor.device().device_type
                              << "; it must be on the CPU";
  }
  if (!tensor.IsContiguous()) TVM_FFI_THROW(ValueError) << name << " is not contiguous";
  return reinterpret_cast<Word*>(static_cast<char*>(tensor.data_ptr()) + tensor.byte_offset());
}

inline void RequireLength(const char* name, int64_t length, int64_t expected) {
  if (length == expected) return;
  TVM_FFI_THROW(ValueError) << name << " has " << length << " values; it must have " << expected;
}

inline void RequireRange(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return;
  TVM_FFI_THROW(ValueError) << name << " = " << value << ", allowed is " << low << ".." << high;
}

/// Returns plain integers as bytes, in native byte order.
template <typename T>
ffi::Bytes ToBytes(const std::vector<T>& values) {
  return ffi::Bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

}  // namespace eie

#endif  // EIE_BRIDGE_CONVERT_H_
