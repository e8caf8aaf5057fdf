#include <tvm/ffi/container/array.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/optional.h>
#include <tvm/ffi/reflection/registry.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "bridge/convert.h"
#include "bridge/thread_state.h"
#include "engine/cycle_account.h"
#include "engine/engine.h"
#include "host/share_work.h"
#include "image/byte_reader.h"
#include "image/encoded_matrix.h"
#include "image/limits.h"
#include "image/machine_config.h"
#include "image/records.h"
#include "machine/run_mvm.h"
#include "values/arithmetic.h"

namespace eie {
namespace {

/// A matrix of any size with its machine; a call makes one scan per sample.
struct LoadedMatrix {
  HardwareConfig config;
  EncodedMatrix matrix;
};

/// The tensors of a call; each concatenates one part of all samples, in sample order.
struct MatrixCall {
  ffi::TensorView codebooks;                ///< a word per code
  ffi::TensorView x;                        ///< a word per input
  ffi::Optional<ffi::TensorView> out;       ///< a word per row; if absent, no values are computed
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
  const CycleAccount no_account(loaded.config);
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
  // Starting a thread takes as long as processing about this many bytes of weights.
  constexpr size_t kMinBytes = 1 << 17;
  const bool small = options.engine != Engine::kClock && count * matrix.weights.size() < kMinBytes;
  const int64_t threads = call.threads == 0 && small ? 1 : call.threads;
  Trace* const trace = Innermost(&StateOfThisThread().traces);
  if (trace != nullptr) trace->runs.push_back({"", count, {}});
  options.threads = count == 1 ? std::max<int64_t>(threads, 1) : 1;
  const Arithmetic arithmetic(loaded.config);
  ShareWork(count, threads, [&](Pieces& samples) {
    std::vector<uint32_t> codebook(codes);
    for (int64_t n = 0; samples.Take(&n);) {
      std::memcpy(codebook.data(), codebooks + n * codes, codes * sizeof(Word));
      Counters counters;
      CycleAccount account;
      if (options.account) account = no_account;
      Trace* const own_trace = trace != nullptr && n == trace->request.sample ? trace : nullptr;
      RunMvm(matrix, loaded.config, arithmetic, codebook.data(), x + n * matrix.cols,
             formats[2 * n], formats[2 * n + 1], options,
             out == nullptr ? nullptr : out + n * matrix.rows, &counters, &account, own_trace);
      if (own_trace != nullptr) trace->AddStep(0, Counters{}, counters);
      const auto values = counters.Values();
      std::copy(values.begin(), values.end(), all_counters + n * int64_t{values.size()});
      if (options.account) {
        std::copy(account.words().begin(), account.words().end(), accounts + n * account_words);
      }
    }
  });
}

ffi::Function LoadMatrixFunction(ffi::Array<int64_t> config, const ffi::Bytes& record) {
  auto loaded = std::make_shared<LoadedMatrix>();
  Translate([&] {
    std::vector<uint32_t> words;
    for (const int64_t word : config) {
      RequireRange("config word", word, 0, UINT32_MAX);
      words.push_back(static_cast<uint32_t>(word));
    }
    loaded->config = CheckedHardwareConfig(words);
    ByteReader reader("matrix", reinterpret_cast<const uint8_t*>(record.data()), record.size());
    ByteReader one = ReadRecord(reader);
    RequireEnd(reader, "the record of a matrix");
    loaded->matrix = ReadMatrixAlone(one, loaded->config);
  });
  return ffi::Function::FromTyped([loaded = std::shared_ptr<const LoadedMatrix>(loaded)](
                                      ffi::TensorView codebooks, ffi::TensorView x,
                                      ffi::Optional<ffi::TensorView> out, ffi::TensorView formats,
                                      ffi::TensorView counters,
                                      ffi::Optional<ffi::TensorView> accounts, int64_t threads,
                                      ffi::String engine, int64_t visit_seed) {
    // A scan takes words without conversion, so one width of values serves for all.
    const auto run = x.dtype().code == kDLFloat ? RunMatrix<Float32> : RunMatrix<FixedPoint<32>>;
    Translate([&] {
      const EngineOptions options{ParseEngine(engine), false, static_cast<uint32_t>(visit_seed)};
      run(*loaded, {codebooks, x, out, formats, counters, accounts, threads, options});
    });
  });
}

TVM_FFI_STATIC_INIT_BLOCK() {
  tvm::ffi::reflection::GlobalDef().def("eie.load_matrix", LoadMatrixFunction);
}

}  // namespace
}  // namespace eie
