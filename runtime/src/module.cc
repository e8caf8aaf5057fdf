#include "eie/module.h"

#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/map.h>
#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/error.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "eie/arithmetic.h"
#include "eie/batch.h"
#include "eie/byte_reader.h"
#include "eie/cycle_account.h"
#include "eie/engine.h"
#include "eie/image.h"
#include "eie/machine.h"
#include "eie/profile.h"
#include "eie/run_mvm.h"

namespace eie {
namespace {

namespace ffi = tvm::ffi;

/// Calls `body`; the core's exceptions become Python's.
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

/// The values of a contiguous CPU tensor of 4-byte words.
template <typename Word>
Word* Values(const std::string& name, const ffi::TensorView& tensor) {
  constexpr bool is_float = std::is_floating_point_v<Word>;
  const DLDataType dtype = tensor.dtype();
  if (dtype.code != (is_float ? kDLFloat : kDLInt) || dtype.bits != 32 || dtype.lanes != 1) {
    TVM_FFI_THROW(ValueError) << name << " has dtype " << ffi::DLDataTypeToString(dtype)
                              << "; it must be " << (is_float ? "float32" : "int32");
  }
  if (tensor.device().device_type != kDLCPU) {
    TVM_FFI_THROW(ValueError) << name << " is on device type " << tensor.device().device_type
                              << "; it must be on the CPU";
  }
  if (!tensor.IsContiguous()) TVM_FFI_THROW(ValueError) << name << " is not contiguous";
  return reinterpret_cast<Word*>(static_cast<char*>(tensor.data_ptr()) + tensor.byte_offset());
}

void RequireLength(const char* name, int64_t length, int64_t expected) {
  if (length == expected) return;
  TVM_FFI_THROW(ValueError) << name << " has " << length << " values; it must have " << expected;
}

void RequireRange(const char* name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return;
  TVM_FFI_THROW(ValueError) << name << " = " << value << ", allowed is " << low << ".." << high;
}

ffi::Array<int64_t> ToArray(const Counters& counters) {
  const auto values = counters.Values();
  return {values.begin(), values.end()};
}

/// Its words, int64 in the machine's byte order.
ffi::Bytes ToBytes(const CycleAccount& account) {
  const std::vector<int64_t>& words = account.words();
  return ffi::Bytes(reinterpret_cast<const char*>(words.data()), words.size() * sizeof(words[0]));
}

/// The options that start at argument `at`, as far as given: the engine's name, whether to account
/// for the cycles, the seed of the clock engine's visits.
EngineOptions ToEngineOptions(ffi::PackedArgs args, int at) {
  EngineOptions options;
  if (args.size() > at) options.engine = ParseEngine(args[at].cast<std::string>());
  if (args.size() > at + 1) options.account = args[at + 1].cast<bool>();
  if (args.size() > at + 2) options.visit_seed = args[at + 2].cast<uint32_t>();
  return options;
}

void RunProgram(const std::shared_ptr<const Program>& program, ffi::PackedArgs args) {
  std::vector<HostTensor> tensors;
  for (int i = 0; i < args.size(); ++i) {
    const auto tensor = args[i].cast<ffi::TensorView>();
    const std::string name = "argument " + std::to_string(i) + " of " + program->symbol;
    tensors.push_back({Values<float>(name, tensor), tensor.numel()});
  }
  const Batch batch(*program, tensors);
  if (batch.samples() == 0) return;
  std::vector<float> input(program->inputs), output(program->outputs);
  Profiler& profiler = Profiler::OfThisThread();
  const auto machine = Machine::Create(*program, profiler.options());
  std::vector<ProfileRow> rows;
  if (profiler.active()) {
    for (const std::string& layer : program->layers) {
      rows.push_back({program->symbol, layer, 0, 0, 0, {}, {}});
    }
  }
  for (int64_t n = 0; n < batch.samples(); ++n) {
    batch.Gather(n, input.data());
    const std::vector<Counters>& layers = machine->Run(input.data(), output.data());
    batch.Scatter(n, output.data());
    for (size_t i = 0; i < rows.size(); ++i) rows[i].Add(layers[i]);
  }
  for (size_t i = 0; i < rows.size(); ++i) rows[i].account = machine->accounts()[i];
  if (profiler.active()) profiler.Record(program, rows);
}

ffi::Module LoadModule(ffi::Bytes image) {
  return Translate([&] { return ffi::Module(ffi::make_object<EIEModuleObj>(std::move(image))); });
}

void StartProfile(ffi::PackedArgs args, ffi::Any*) {
  Translate([&] { Profiler::OfThisThread().Start(ToEngineOptions(args, 0)); });
}

ffi::Array<ffi::Map<ffi::String, ffi::Any>> StopProfile() {
  ffi::Array<ffi::Map<ffi::String, ffi::Any>> rows;
  for (const ProfileRow& row : Profiler::OfThisThread().Stop()) {
    rows.push_back({{"symbol", ffi::String(row.symbol)},
                    {"layer", ffi::String(row.layer)},
                    {"samples", row.samples},
                    {"min_cycles", row.min_cycles},
                    {"max_cycles", row.max_cycles},
                    {"counters", ToArray(row.counters)},
                    {"account", ToBytes(row.account)}});
  }
  return rows;
}

/// A matrix of any size with its machine, for one scan at a time.
struct LoadedMatrix {
  ffi::Bytes record;  // holds what `matrix` points at
  HardwareConfig config;
  EncodedMatrix matrix;
};

/// Takes x, out, shift, frac_bits and engine options; returns the counters and, if asked, the
/// account.
template <typename Arithmetic>
ffi::Array<ffi::Any> RunMatrix(const LoadedMatrix& loaded, ffi::PackedArgs args) {
  RequireRange("number of arguments", args.size(), 4, 7);
  const auto x = args[0].cast<ffi::TensorView>();
  const auto out = args[1].cast<ffi::TensorView>();
  const auto shift = args[2].cast<int64_t>();
  const auto frac_bits = args[3].cast<int64_t>();
  const EngineOptions options = ToEngineOptions(args, 4);
  using Word = typename Arithmetic::Word;
  const Word* input = Values<Word>("x", x);
  Word* output = Values<Word>("out", out);
  RequireLength("x", x.numel(), loaded.matrix.cols);
  RequireLength("out", out.numel(), loaded.matrix.rows);
  RequireRange("shift", shift, kMinShift, kMaxShift);
  if (loaded.matrix.has_bias_column) RequireRange("frac_bits", frac_bits, 0, kMaxOneFracBits);
  std::fill_n(output, loaded.matrix.rows, Word{0});
  Counters counters;
  CycleAccount account;
  if (options.account) account = CycleAccount(loaded.config.num_pe, loaded.config.fifo_depth);
  RunMvm(loaded.matrix, loaded.config, Arithmetic(loaded.config), input, shift, frac_bits, options,
         output, &counters, &account);
  ffi::Array<ffi::Any> results = ToArray(counters);
  if (options.account) results.push_back(ToBytes(account));
  return results;
}

ffi::Function LoadMatrixFunction(ffi::Array<int64_t> config, ffi::Bytes record, bool is_float) {
  auto loaded = std::make_shared<LoadedMatrix>();
  loaded->record = record;
  Translate([&] {
    std::vector<uint32_t> words;
    for (const int64_t word : config) {
      RequireRange("config word", word, 0, UINT32_MAX);
      words.push_back(static_cast<uint32_t>(word));
    }
    loaded->config = CheckedHardwareConfig(words);
    ByteReader reader("matrix", reinterpret_cast<const uint8_t*>(loaded->record.data()),
                      record.size());
    loaded->matrix = ReadEncodedMatrix(reader, loaded->config, is_float);
    if (reader.remaining() != 0) reader.Fail("bytes follow the entries");
  });
  // A scan takes words as they are, so one width of values stands for all.
  const auto run = is_float ? RunMatrix<Float32> : RunMatrix<FixedPoint<32>>;
  return ffi::Function::FromPacked([loaded = std::shared_ptr<const LoadedMatrix>(loaded), run](
                                       ffi::PackedArgs args, ffi::Any* result) {
    Translate([&] { *result = run(*loaded, args); });
  });
}

TVM_FFI_STATIC_INIT_BLOCK() {
  tvm::ffi::reflection::GlobalDef()
      .def("ffi.Module.load_from_bytes.eie", LoadModule)
      .def_packed("eie.profile_start", StartProfile)
      .def("eie.profile_stop", StopProfile)
      .def("eie.load_matrix", LoadMatrixFunction);
}

}  // namespace

EIEModuleObj::EIEModuleObj(ffi::Bytes image) : image_(std::move(image)) {
  /// A program with the image into which it points.
  struct LoadedProgram {
    ffi::Bytes image;
    Program program;
  };
  const auto* data = reinterpret_cast<const uint8_t*>(image_.data());
  const auto loaded =
      std::make_shared<const LoadedProgram>(LoadedProgram{image_, ReadImage(data, image_.size())});
  program_ = {loaded, &loaded->program};
}

int EIEModuleObj::GetPropertyMask() const {
  return ffi::Module::kBinarySerializable | ffi::Module::kRunnable;
}

ffi::Optional<ffi::Function> EIEModuleObj::GetFunction(const ffi::String& name) {
  if (name == program_->symbol) {
    return ffi::Function::FromPacked([program = program_](ffi::PackedArgs args, ffi::Any*) {
      Translate([&] { RunProgram(program, args); });
    });
  }
  if (name == "__eie_image__") {
    return ffi::Function::FromTyped([image = image_]() { return image; });
  }
  return std::nullopt;
}

}  // namespace eie
