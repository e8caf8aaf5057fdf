// Generated from eie_backend/config.py by `python -m eie_backend.generate`; do not edit.
#ifndef EIE_GENERATED_HARDWARE_CONFIG_H_
#define EIE_GENERATED_HARDWARE_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace eie {

/// Sizes of the machine.
struct HardwareConfig {
  static constexpr size_t kNumFields = 12;
  static constexpr size_t kRequiredFields = 12;  ///< the others were appended later

  int64_t num_pe;  ///< PEs: processing elements (P)
  int64_t fifo_depth;  ///< slots: ring slots of each act_queue; it is full at one entry less
  int64_t spmat_width_bits;  ///< bits: width of one weight SRAM read
  int64_t spmat_sram_bytes;  ///< bytes: weight SRAM of one PE
  int64_t ptr_sram_bytes;  ///< bytes: pointer SRAM of one PE, both banks
  int64_t ptr_bits;  ///< bits: width of one column pointer
  int64_t act_sram_bytes;  ///< bytes: activation SRAM of one PE
  int64_t act_registers;  ///< registers: source and also destination registers of one PE
  int64_t codebook_bits;  ///< bits: codebook index of an entry
  int64_t accumulator_bits;  ///< bits: width of a destination register: 16 or 32
  int64_t clock_mhz;  ///< MHz: clock frequency
  int64_t dram_bytes_per_cycle;  ///< bytes: DRAM bandwidth in I/O mode

  /// Most columns that an act_queue holds.
  int64_t queue_columns() const { return fifo_depth - 1; }
};

inline int64_t InRange(const char* name, uint32_t value, uint32_t low, uint32_t high) {
  if (value < low || value > high) {
    throw std::invalid_argument(std::string("HardwareConfig: ") + name + " = " +
                                std::to_string(value) + " is out of range");
  }
  return value;
}

/// Reads `count` fields in declaration order; appended ones that are absent are the machine's
/// before them. Throws std::invalid_argument.
inline HardwareConfig ReadHardwareConfig(const uint32_t* words, size_t count) {
  const std::string found = "HardwareConfig: " + std::to_string(count) + " fields";
  if (count > HardwareConfig::kNumFields) {
    throw std::invalid_argument(found + ", this release knows " +
                                std::to_string(HardwareConfig::kNumFields) +
                                "; use the release that wrote them, or a newer one");
  }
  if (count < HardwareConfig::kRequiredFields) {
    throw std::invalid_argument(found + ", at least " +
                                std::to_string(HardwareConfig::kRequiredFields) + " are needed");
  }
  return {
      InRange("num_pe", words[0], 1, 1024),
      InRange("fifo_depth", words[1], 2, 65536),
      InRange("spmat_width_bits", words[2], 8, 512),
      InRange("spmat_sram_bytes", words[3], 64, 1073741824),
      InRange("ptr_sram_bytes", words[4], 4, 1073741824),
      InRange("ptr_bits", words[5], 4, 32),
      InRange("act_sram_bytes", words[6], 2, 131072),
      InRange("act_registers", words[7], 1, 4096),
      InRange("codebook_bits", words[8], 2, 7),
      InRange("accumulator_bits", words[9], 16, 32),
      InRange("clock_mhz", words[10], 1, 100000),
      InRange("dram_bytes_per_cycle", words[11], 1, 65536),
  };
}

}  // namespace eie

#endif  // EIE_GENERATED_HARDWARE_CONFIG_H_
