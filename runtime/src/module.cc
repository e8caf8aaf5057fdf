#include "eie/module.h"

#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/map.h>
#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/error.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "eie/arithmetic.h"
#include "eie/batch.h"
#include "eie/bit_rate.h"
#include "eie/byte_reader.h"
#include "eie/cycle_account.h"
#include "eie/engine.h"
#include "eie/huffman.h"
#include "eie/image.h"
#include "eie/machine.h"
#include "eie/profile.h"
#include "eie/run_mvm.h"
#include "eie/samples.h"
#include "eie/soft_errors.h"
#include "eie/trace.h"
#include "eie/word_code.h"

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

/// The values of a contiguous CPU tensor.
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

/// Plain integers in the machine's byte order.
template <typename T>
ffi::Bytes ToBytes(const std::vector<T>& values) {
  return ffi::Bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

/// The options that start at argument `at`, as far as given: the engine's name, whether to account
/// for the cycles, the seed of the clock engine's visits, the threads that share a batch.
EngineOptions ToEngineOptions(ffi::PackedArgs args, int at) {
  EngineOptions options;
  if (args.size() > at) options.engine = ParseEngine(args[at].cast<std::string>());
  if (args.size() > at + 1) options.account = args[at + 1].cast<bool>();
  if (args.size() > at + 2) options.visit_seed = args[at + 2].cast<uint32_t>();
  if (args.size() > at + 3) {
    options.batch_threads = args[at + 3].cast<int64_t>();
    RequireRange("threads", options.batch_threads, 0, INT16_MAX);
  }
  return options;
}

/// What this thread records of the next calls, if anything.
thread_local std::unique_ptr<Trace> active_trace;

/// Runs one sample once more to record it: the results and the profile stay what they are.
void TraceSample(const Program& program, const Batch& batch, Trace* trace) {
  trace->runs.push_back({program.symbol, batch.samples(), {}});
  const TraceRequest& request = trace->request;
  if (request.sample >= batch.samples()) return;
  std::vector<float> input(program.inputs), output(program.outputs);
  batch.Gather(request.sample, input.data());
  Machine::Create(program, {request.engine, true, 0, 1, trace})->Run(input.data(), output.data());
}

/// What strikes this thread's next calls, if anything.
thread_local std::unique_ptr<SoftErrors> active_soft_errors;

/// The program that a call of `program` runs: its damaged namesake, if there is one.
std::shared_ptr<const Program> ProgramToRun(const std::shared_ptr<const Program>& program) {
  if (!active_soft_errors) return program;
  const auto found = active_soft_errors->damaged.find(program->symbol);
  if (found == active_soft_errors->damaged.end()) return program;
  const Program& damaged = *found->second;
  if (damaged.inputs != program->inputs || damaged.outputs != program->outputs ||
      damaged.layers != program->layers) {
    TVM_FFI_THROW(ValueError) << "the damaged program " << program->symbol
                              << " is not one of this library";
  }
  return found->second;
}

void RunProgram(const std::shared_ptr<const Program>& loaded, ffi::PackedArgs args) {
  const std::shared_ptr<const Program> program = ProgramToRun(loaded);
  std::vector<HostTensor> tensors;
  for (int i = 0; i < args.size(); ++i) {
    const auto tensor = args[i].cast<ffi::TensorView>();
    const std::string name = "argument " + std::to_string(i) + " of " + program->symbol;
    tensors.push_back({Values<float>(name, tensor), tensor.numel()});
  }
  const Batch batch(*program, tensors);
  if (batch.samples() == 0) return;
  Profiler& profiler = Profiler::OfThisThread();
  const EngineOptions options = profiler.options();
  std::vector<ProfileRow> no_rows;
  if (profiler.active()) {
    for (const std::string& layer : program->layers) {
      no_rows.push_back({program->symbol, layer, 0, 0, 0, {}, {}});
    }
  }
  std::vector<ProfileRow> rows = no_rows;
  SoftErrors* const errors = active_soft_errors.get();
  const auto strikes =
      errors == nullptr ? nullptr : std::make_unique<ProgramFlips>(*errors, *program);
  std::vector<FlipTally> tallies(strikes ? batch.samples() : 0);
  const auto first = static_cast<int64_t>(strikes ? errors->tallies[program->symbol].size() : 0);
  std::mutex mutex;  // of `rows`
  ShareSamples(batch.samples(), options.batch_threads, [&](Samples& samples) {
    const auto machine = Machine::Create(*program, options);
    std::vector<float> input(program->inputs), output(program->outputs);
    std::vector<ProfileRow> own = no_rows;
    for (int64_t n = 0; samples.Take(&n);) {
      batch.Gather(n, input.data());
      std::optional<SampleFlips> flips;
      if (strikes) flips.emplace(SampleFlips{*strikes, first + n});
      const std::vector<Counters>& layers =
          machine->Run(input.data(), output.data(), flips ? &*flips : nullptr);
      if (flips) tallies[n] = flips->tally;
      batch.Scatter(n, output.data());
      for (size_t i = 0; i < own.size(); ++i) own[i].Add(layers[i]);
    }
    for (size_t i = 0; i < own.size(); ++i) own[i].account = machine->accounts()[i];
    const std::lock_guard<std::mutex> lock(mutex);
    for (size_t i = 0; i < own.size(); ++i) rows[i].Merge(own[i]);
  });
  if (strikes) {
    std::vector<FlipTally>& all = errors->tallies[program->symbol];
    all.insert(all.end(), tallies.begin(), tallies.end());
  }
  if (profiler.active()) profiler.Record(program, rows);
  if (active_trace) TraceSample(*program, batch, active_trace.get());
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
                    {"account", ToBytes(row.account.words())}});
  }
  return rows;
}

void StartTrace(ffi::String engine, int64_t sample, ffi::String layer, int64_t from, int64_t to,
                int64_t max_bytes) {
  Translate([&] {
    RequireRange("sample", sample, 0, INT64_MAX);
    RequireRange("max_bytes", max_bytes, 0, INT64_MAX);
    active_trace = std::make_unique<Trace>(
        TraceRequest{ParseEngine(engine), sample, layer, from, to, max_bytes});
  });
}

/// Ends the recording: steps are int64, the words of a `TraceStep` each; the timeline is int32.
ffi::Map<ffi::String, ffi::Any> StopTrace() {
  const auto trace = std::exchange(active_trace, nullptr);
  if (!trace) TVM_FFI_THROW(ValueError) << "no trace was started in this thread";
  ffi::Array<ffi::Map<ffi::String, ffi::Any>> runs;
  for (const TraceRun& run : trace->runs) {
    std::vector<int64_t> steps;
    for (const TraceStep& s : run.steps) {
      steps.insert(steps.end(),
                   {s.number, s.cycles, s.load_cycles, s.load_bytes, s.timeline_words});
    }
    runs.push_back(
        {{"symbol", ffi::String(run.symbol)}, {"samples", run.samples}, {"steps", ToBytes(steps)}});
  }
  return {{"runs", runs},
          {"timeline", ToBytes(trace->timeline.words())},
          {"timeline_end", trace->timeline.end()},
          {"vcd", ffi::Bytes(trace->vcd.text())},
          {"vcd_end", trace->vcd.end()}};
}

Protection ToProtection(int64_t number) {
  RequireRange("protection", number, 0, 2);
  return static_cast<Protection>(number);
}

/// Strikes the calls of this thread until StopSoftErrors: `images` run in place of their namesakes,
/// `rates` are per bit and by FlipUnit, `listed` holds unit, sample, step, word and bit of a flip
/// in the program of the same place in `symbols`.
void StartSoftErrors(ffi::Array<ffi::Bytes> images, int64_t seed, int64_t protection,
                     ffi::Array<double> rates, ffi::Array<ffi::String> symbols,
                     ffi::Array<int64_t> listed) {
  Translate([&] {
    auto errors = std::make_unique<SoftErrors>();
    errors->seed = static_cast<uint64_t>(seed);
    errors->protection = ToProtection(protection);
    const auto units = static_cast<int64_t>(errors->rates.size());
    RequireLength("rates", static_cast<int64_t>(rates.size()), units);
    for (int64_t unit = 0; unit < units; ++unit) errors->rates[unit] = BitRate(rates[unit]);
    for (const ffi::Bytes& image : images) {
      auto program = std::make_shared<const Program>(
          ReadImage(reinterpret_cast<const uint8_t*>(image.data()), image.size()));
      errors->damaged[program->symbol] = program;
    }
    constexpr int64_t kFields = 5;
    const auto flips = static_cast<int64_t>(symbols.size());
    RequireLength("listed", static_cast<int64_t>(listed.size()), kFields * flips);
    for (int64_t n = 0; n < flips; ++n) {
      const auto field = [&](const char* name, int64_t at, int64_t low, int64_t high) {
        const int64_t value = listed[kFields * n + at];
        RequireRange(name, value, low, high);
        return value;
      };
      constexpr int64_t kMost = INT32_MAX;
      errors->listed.push_back({static_cast<FlipUnit>(field("unit", 0, 0, units - 1)), symbols[n],
                                field("sample", 1, -1, INT64_MAX), field("step", 2, 0, kMost),
                                field("word", 3, 0, kMost), field("bit", 4, 0, kMost)});
    }
    active_soft_errors = std::move(errors);
  });
}

/// Ends it; returns how many words of each sample were corrected, detected and left, int64.
ffi::Map<ffi::String, ffi::Bytes> StopSoftErrors() {
  const auto errors = std::exchange(active_soft_errors, nullptr);
  if (!errors) TVM_FFI_THROW(ValueError) << "no soft errors were started in this thread";
  ffi::Map<ffi::String, ffi::Bytes> all;
  for (const auto& [symbol, tallies] : errors->tallies) {
    std::vector<int64_t> words;
    for (const FlipTally& t : tallies) {
      words.insert(words.end(), {t.corrected, t.detected, t.unnoticed});
    }
    all.Set(symbol, ToBytes(words));
  }
  return all;
}

/// Strikes `words` words of a memory at `rate` per bit, and at `listed` bits of what is stored.
ffi::Map<ffi::String, ffi::Any> StrikeMemory(int64_t words, int64_t data_bits, int64_t protection,
                                             double rate, ffi::Array<int64_t> keys,
                                             ffi::Array<int64_t> listed) {
  return Translate([&]() -> ffi::Map<ffi::String, ffi::Any> {
    RequireRange("words", words, 0, int64_t{1} << 40);
    RequireRange("data_bits", data_bits, 1, 1 << 12);
    RequireLength("keys", static_cast<int64_t>(keys.size()), 4);
    const WordCode code(data_bits, ToProtection(protection));
    const int64_t bits = words * code.stored_bits();
    const auto key = [&](int64_t n) { return static_cast<uint64_t>(keys[n]); };
    std::vector<int64_t> flips;
    BitRate(rate).Draw(bits, RandomStream{key(0), key(1), key(2), key(3)}, &flips);
    for (const int64_t flip : listed) {
      RequireRange("listed bit", flip, 0, bits - 1);
      flips.push_back(flip);
    }
    std::sort(flips.begin(), flips.end());
    FlipTally tally;
    const std::vector<int64_t> wrong = CheckWords(code, flips, &tally);
    return {{"flips", static_cast<int64_t>(flips.size())},
            {"wrong", ToBytes(wrong)},
            {"corrected", tally.corrected},
            {"detected", tally.detected},
            {"unnoticed", tally.unnoticed}};
  });
}

/// Check bits of a word.
int64_t CheckBits(int64_t data_bits, int64_t protection) {
  return Translate([&] {
    RequireRange("data_bits", data_bits, 1, 1 << 12);
    return WordCode(data_bits, ToProtection(protection)).check_bits();
  });
}

/// A matrix of any size with its machine, for one scan per sample.
struct LoadedMatrix {
  HardwareConfig config;
  EncodedMatrix matrix;
};

/// The tensors of a call: each holds the same part of every sample, sample after sample.
struct MatrixCall {
  ffi::TensorView codebooks;                ///< a word per code
  ffi::TensorView x;                        ///< a word per input
  ffi::Optional<ffi::TensorView> out;       ///< a word per row; without it no values are computed
  ffi::TensorView formats;                  ///< int32 shift, frac_bits
  ffi::TensorView counters;                 ///< int64, written
  ffi::Optional<ffi::TensorView> accounts;  ///< int64, written if given
  int64_t threads;
  EngineOptions options;
};

template <typename Arithmetic>
void RunMatrix(const LoadedMatrix& loaded, const MatrixCall& call) {
  using Word = typename Arithmetic::Word;
  const EncodedMatrix& matrix = loaded.matrix;
  const int64_t codes = int64_t{1} << matrix.codebook_bits;
  const int64_t count = call.formats.numel() / 2;
  const CycleAccount no_account(loaded.config.num_pe, loaded.config.fifo_depth);
  const int64_t account_words = static_cast<int64_t>(no_account.words().size());
  RequireLength("formats", call.formats.numel(), 2 * count);
  RequireLength("codebooks", call.codebooks.numel(), count * codes);
  RequireLength("x", call.x.numel(), count * matrix.cols);
  RequireLength("counters", call.counters.numel(), count * int64_t{Counters::kNumCounters});
  RequireRange("threads", call.threads, 0, INT16_MAX);
  const Word* codebooks = Values<Word>("codebooks", call.codebooks);
  const Word* x = Values<Word>("x", call.x);
  const int32_t* formats = Values<int32_t>("formats", call.formats);
  int64_t* all_counters = Values<int64_t>("counters", call.counters);
  int64_t* accounts = nullptr;
  if (call.accounts) {
    accounts = Values<int64_t>("accounts", *call.accounts);
    RequireLength("accounts", (*call.accounts).numel(), count * account_words);
  }
  Word* out = nullptr;
  if (call.out) {
    out = Values<Word>("out", *call.out);
    RequireLength("out", (*call.out).numel(), count * matrix.rows);
    std::fill_n(out, count * matrix.rows, Word{0});
  } else if (call.options.engine == Engine::kClock) {
    TVM_FFI_THROW(ValueError) << "the clock engine computes values: pass out";
  }
  for (int64_t n = 0; n < count; ++n) {
    RequireRange("shift", formats[2 * n], kMinShift, kMaxShift);
    if (matrix.has_bias_column) RequireRange("frac_bits", formats[2 * n + 1], 0, kMaxOneFracBits);
  }
  EngineOptions options = call.options;
  options.account = accounts != nullptr;
  // Starting a thread takes about as long as adding this many bytes of weights.
  constexpr size_t kMinBytes = 1 << 17;
  const bool small = options.engine != Engine::kClock && count * matrix.weights.size() < kMinBytes;
  const int64_t threads = call.threads == 0 && small ? 1 : call.threads;
  Trace* const trace = active_trace.get();
  if (trace != nullptr) trace->runs.push_back({"", count, {}});
  options.threads = count == 1 ? std::max<int64_t>(threads, 1) : 1;
  const Arithmetic arithmetic(loaded.config);
  ShareSamples(count, threads, [&](Samples& samples) {
    std::vector<uint32_t> codebook(codes);
    for (int64_t n = 0; samples.Take(&n);) {
      std::memcpy(codebook.data(), codebooks + n * codes, codes * sizeof(Word));
      Counters counters;
      CycleAccount account;
      if (options.account) account = no_account;
      EngineOptions own = options;
      if (trace != nullptr && n == trace->request.sample) own.trace = trace;
      RunMvm(matrix, loaded.config, arithmetic, codebook.data(), x + n * matrix.cols,
             formats[2 * n], formats[2 * n + 1], own,
             out == nullptr ? nullptr : out + n * matrix.rows, &counters, &account);
      if (own.trace != nullptr) trace->AddStep(0, Counters{}, counters);
      const auto values = counters.Values();
      std::copy(values.begin(), values.end(), all_counters + n * int64_t{values.size()});
      if (options.account) {
        std::copy(account.words().begin(), account.words().end(), accounts + n * account_words);
      }
    }
  });
}

ffi::Function LoadMatrixFunction(ffi::Array<int64_t> config, const ffi::Bytes& record,
                                 bool is_float) {
  auto loaded = std::make_shared<LoadedMatrix>();
  Translate([&] {
    std::vector<uint32_t> words;
    for (const int64_t word : config) {
      RequireRange("config word", word, 0, UINT32_MAX);
      words.push_back(static_cast<uint32_t>(word));
    }
    loaded->config = CheckedHardwareConfig(words);
    ByteReader reader("matrix", reinterpret_cast<const uint8_t*>(record.data()), record.size());
    loaded->matrix = ReadEncodedMatrix(reader, loaded->config, is_float);
    if (reader.remaining() != 0) reader.Fail("bytes follow the entries");
  });
  return ffi::Function::FromTyped([loaded = std::shared_ptr<const LoadedMatrix>(loaded)](
                                      ffi::TensorView codebooks, ffi::TensorView x,
                                      ffi::Optional<ffi::TensorView> out, ffi::TensorView formats,
                                      ffi::TensorView counters,
                                      ffi::Optional<ffi::TensorView> accounts, int64_t threads,
                                      ffi::String engine, int64_t visit_seed) {
    // A scan takes words as they are, so one width of values stands for all.
    const auto run = x.dtype().code == kDLFloat ? RunMatrix<Float32> : RunMatrix<FixedPoint<32>>;
    Translate([&] {
      const EngineOptions options{ParseEngine(engine), false, static_cast<uint32_t>(visit_seed)};
      run(*loaded, {codebooks, x, out, formats, counters, accounts, threads, options});
    });
  });
}

/// Fills `out`, uint8 or uint16, with the symbols of canonical Huffman codewords.
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
  tvm::ffi::reflection::GlobalDef()
      .def("ffi.Module.load_from_bytes.eie", LoadModule)
      .def_packed("eie.profile_start", StartProfile)
      .def("eie.profile_stop", StopProfile)
      .def("eie.trace_start", StartTrace)
      .def("eie.trace_stop", StopTrace)
      .def("eie.soft_errors_start", StartSoftErrors)
      .def("eie.soft_errors_stop", StopSoftErrors)
      .def("eie.strike_memory", StrikeMemory)
      .def("eie.check_bits", CheckBits)
      .def("eie.load_matrix", LoadMatrixFunction)
      .def("eie.huffman_decode", DecodeHuffman);
}

}  // namespace

EIEModuleObj::EIEModuleObj(ffi::Bytes image)
    : image_(std::move(image)),
      program_(std::make_shared<const Program>(
          ReadImage(reinterpret_cast<const uint8_t*>(image_.data()), image_.size()))) {}

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
