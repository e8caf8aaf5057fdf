// Any bytes are refused with an ImageError, or are a program that runs.

#include "byte_writer.h"
#include "eie/byte_reader.h"
#include "eie/image.h"
#include "example_image.h"
#include "run_small.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  eie::Bytes image(data, data + size);
  eie::FixChecksum(&image);  // otherwise no mutation gets past it
  try {
    eie::RunIfSmall(eie::ReadImage(image.data(), image.size()));
  } catch (const eie::ImageError&) {
  }
  return 0;
}
