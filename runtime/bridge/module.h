#ifndef EIE_BRIDGE_MODULE_H_
#define EIE_BRIDGE_MODULE_H_

#include <tvm/ffi/extra/module.h>
#include <tvm/ffi/optional.h>
#include <tvm/ffi/string.h>

#include <memory>

#include "image/program.h"

namespace eie {

/// Creates a TVM module from an image; its function runs the program on a batch of samples.
///
/// `symbol(inputs..., outputs...)` takes contiguous float32 CPU tensors; see `Batch`.
/// `__eie_image__()` returns the image.
class EIEModuleObj final : public tvm::ffi::ModuleObj {
 public:
  /// Throws ImageError.
  explicit EIEModuleObj(tvm::ffi::Bytes image);

  const char* kind() const override { return "eie"; }
  int GetPropertyMask() const override;
  tvm::ffi::Optional<tvm::ffi::Function> GetFunction(const tvm::ffi::String& name) override;
  tvm::ffi::Bytes SaveToBytes() const override { return image_; }

 private:
  tvm::ffi::Bytes image_;
  std::shared_ptr<const Program> program_;
};

}  // namespace eie

#endif  // EIE_BRIDGE_MODULE_H_
