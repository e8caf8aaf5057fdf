#include "image/huffman.h"

#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>

#include "bridge/convert.h"

namespace eie {
namespace {

/// Decodes canonical Huffman codewords to symbols in `out`, uint8 or uint16.
void DecodeHuffman(const ffi::TensorView& lengths, const ffi::Bytes& stream,
                   const ffi::TensorView& out) {
  Translate([&] {
    const HuffmanDecoder decoder(Values<uint8_t>("lengths", lengths), lengths.numel());
    const auto* bytes = reinterpret_cast<const uint8_t*>(stream.data());
    if (out.dtype().bits == 8) {
      RequireRange("symbols", lengths.numel(), 0, 256);
      decoder.Decode(bytes, stream.size(), Values<uint8_t>("out", out), out.numel());
    } else {
      decoder.Decode(bytes, stream.size(), Values<uint16_t>("out", out), out.numel());
    }
  });
}

TVM_FFI_STATIC_INIT_BLOCK() {
  tvm::ffi::reflection::GlobalDef().def("eie.huffman_decode", DecodeHuffman);
}

}  // namespace
}  // namespace eie
