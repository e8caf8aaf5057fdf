#include "bridge/module.h"

#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bridge/convert.h"
#include "bridge/saturations.h"
#include "bridge/thread_state.h"
#include "host/share_work.h"
#include "image/image.h"
#include "machine/batch.h"
#include "machine/machine.h"
#include "machine/profile.h"

namespace eie {
namespace {

/// Runs one sample again to record it; results and profile do not change.
void TraceSample(const Program& program, const Batch& batch, Trace* trace) {
  trace->runs.push_back({program.symbol, batch.samples(), {}});
  const TraceRequest& request = trace->request;
  if (request.sample >= batch.samples()) return;
  std::vector<float> input(program.inputs), output(program.outputs);
  batch.Gather(request.sample, input.data());
  EngineOptions options;
  options.engine = request.engine;
  options.account = true;
  Machine::Create(program, options, trace)->Run(input.data(), output.data());
}

/// Returns the program to run for `program`: the damaged program of its name, if `errors` has one.
std::shared_ptr<const Program> ProgramToRun(const std::shared_ptr<const Program>& program,
                                            const SoftErrors* errors) {
  if (errors == nullptr) return program;
  const auto found = errors->damaged.find(program->symbol);
  if (found == errors->damaged.end()) return program;
  const Program& damaged = *found->second;
  if (damaged.inputs != program->inputs || damaged.outputs != program->outputs ||
      damaged.layers != program->layers) {
    TVM_FFI_THROW(ValueError) << "the damaged program " << program->symbol
                              << " is not one of this library";
  }
  return found->second;
}

void RunProgram(const std::shared_ptr<const Program>& loaded, ffi::PackedArgs args) {
  ThreadState& state = StateOfThisThread();
  SoftErrors* const errors = Innermost(&state.soft_errors);
  Profiler* const profiler = Innermost(&state.profilers);
  const std::shared_ptr<const Program> program = ProgramToRun(loaded, errors);
  std::vector<HostTensor> tensors;
  for (int i = 0; i < args.size(); ++i) {
    const auto tensor = args[i].cast<ffi::TensorView>();
    const std::string name = "argument " + std::to_string(i) + " of " + program->symbol;
    tensors.push_back({Values<float>(name, tensor), tensor.numel()});
  }
  const Batch batch(*program, tensors);
  if (batch.samples() == 0) return;
  const EngineOptions options = state.ProgramOptions();
  std::vector<ProfileRow> no_rows;
  if (profiler != nullptr) {
    for (const std::string& layer : program->layers) {
      no_rows.push_back({program->symbol, layer, 0, 0, 0, {}, {}});
    }
  }
  std::vector<ProfileRow> rows = no_rows;
  const auto strikes =
      errors == nullptr ? nullptr : std::make_unique<ProgramFlips>(*errors, *program);
  std::vector<FlipTally> tallies(strikes ? batch.samples() : 0);
  const auto first = static_cast<int64_t>(strikes ? errors->tallies[program->symbol].size() : 0);
  const bool is_untold = profiler == nullptr && errors == nullptr;
  Saturations saturations;
  std::mutex mutex;  // guards `rows` and `saturations`
  ShareWork(batch.samples(), options.batch_threads, [&](Pieces& samples) {
    const auto machine = Machine::Create(*program, options);
    std::vector<float> input(program->inputs), output(program->outputs);
    std::vector<ProfileRow> own = no_rows;
    Saturations own_saturations;
    for (int64_t n = 0; samples.Take(&n);) {
      batch.Gather(n, input.data());
      std::optional<SampleFlips> flips;
      if (strikes) flips.emplace(SampleFlips{*strikes, first + n});
      const std::vector<Counters>& layers =
          machine->Run(input.data(), output.data(), flips ? &*flips : nullptr);
      if (flips) tallies[n] = flips->tally;
      batch.Scatter(n, output.data());
      for (size_t i = 0; i < own.size(); ++i) own[i].Add(layers[i]);
      if (is_untold) own_saturations.Add(layers, input);
    }
    for (size_t i = 0; i < own.size(); ++i) own[i].account = machine->accounts()[i];
    const std::lock_guard<std::mutex> lock(mutex);
    for (size_t i = 0; i < own.size(); ++i) rows[i].Merge(own[i]);
    saturations.Merge(own_saturations);
  });
  if (strikes) {
    std::vector<FlipTally>& all = errors->tallies[program->symbol];
    all.insert(all.end(), tallies.begin(), tallies.end());
  }
  if (profiler != nullptr) profiler->Record(program, rows);
  Trace* const trace = Innermost(&state.traces);
  if (trace != nullptr) TraceSample(*program, batch, trace);
  saturations.Tell(*program, batch.samples());
}

ffi::Module LoadModule(ffi::Bytes image) {
  return Translate([&] { return ffi::Module(ffi::make_object<EIEModuleObj>(std::move(image))); });
}

TVM_FFI_STATIC_INIT_BLOCK() {
  tvm::ffi::reflection::GlobalDef().def("ffi.Module.load_from_bytes.eie", LoadModule);
}

}  // namespace

EIEModuleObj::EIEModuleObj(ffi::Bytes image) : image_(std::move(image)) {
  const auto* const data = reinterpret_cast<const uint8_t*>(image_.data());
  for (Program& program : ReadImage(data, image_.size())) {
    const std::string symbol = program.symbol;
    programs_[symbol] = std::make_shared<const Program>(std::move(program));
  }
}

int EIEModuleObj::GetPropertyMask() const {
  return ffi::Module::kBinarySerializable | ffi::Module::kRunnable;
}

ffi::Optional<ffi::Function> EIEModuleObj::GetFunction(const ffi::String& name) {
  const auto found = programs_.find(name);
  if (found != programs_.end()) {
    return ffi::Function::FromPacked([program = found->second](ffi::PackedArgs args, ffi::Any*) {
      Translate([&] { RunProgram(program, args); });
    });
  }
  if (name == "__eie_image__") {
    return ffi::Function::FromTyped([image = image_]() { return image; });
  }
  return std::nullopt;
}

}  // namespace eie
