#ifndef EIE_BRIDGE_MODULE_H_
#define EIE_BRIDGE_MODULE_H_

#include <tvm/ffi/extra/module.h>
#include <tvm/ffi/optional.h>
#include <tvm/ffi/string.h>

#include <map>
#include <memory>
#include <string>

#include "image/program.h"

namespace eie {

/// Creates a TVM module from an image; a function for each of its programs runs it on a batch of
/// samples.
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
  std::map<std::string, std::shared_ptr<const Program>> programs_;  // by symbol
};

}  // namespace eie

#endif  // EIE_BRIDGE_MODULE_H_
