#ifndef EIE_CLOCK_SIMULATION_H_
#define EIE_CLOCK_SIMULATION_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "clock/ccu.h"
#include "clock/edge_sorter.h"
#include "clock/layer.h"
#include "clock/lnzd.h"
#include "clock/pe.h"
#include "clock/sram_contents.h"
#include "clock/unit.h"
#include "clock/vcd.h"
#include "engine/cycle_account.h"
#include "engine/intervals.h"
#include "generated/counters.h"
#include "generated/timing.h"

namespace eie::clock {

/// One layer on the whole machine, stepped edge by edge.
template <typename Arithmetic>
class Simulation {
 public:
  /// `visit_seed` shuffles the visits to the units; 0 does not.
  Simulation(const Layer<Arithmetic>& layer, uint32_t visit_seed)
      : layer_(layer),
        srams_(layer.matrix),
        ccu_(layer_, &lnzd_, &pes_),
        random_(visit_seed),
        shuffled_(visit_seed != 0) {
    units_ = {&ccu_, &lnzd_};
    for (int64_t k = 0; k < layer_.matrix.num_pe; ++k) {
      Pe<Arithmetic>& pe = pes_.emplace_back(layer_, srams_, k);
      units_.insert(units_.end(),
                    {&pe.act_queue, &pe.ptr_read, &pe.spmat_read, &pe.arith, &pe.act_rw});
    }
  }
  Simulation(const Simulation&) = delete;  // units point at one another
  Simulation& operator=(const Simulation&) = delete;

  /// Runs the layer to its end; adds what it cost and, if asked, where the cycles went, with a
  /// record of it, and a dump.
  void Run(Counters* counters, CycleAccount* account, Intervals* record = nullptr,
           Vcd* vcd = nullptr) {
    EdgeSorter<Arithmetic> sorter(ccu_, pes_, layer_.config, record);
    CycleAccount closed;
    while (edge_ < end_ || !Finished()) {
      const auto before = ccu_.activity();
      Tick();
      if (vcd != nullptr) {
        vcd->Sample(edge_, [this](Signals* signals) { Show(signals); });
        if (edge_ == end_) vcd->MarkEnd();
      }
      if (account == nullptr) continue;
      sorter.Sort(edge_, before);
      if (edge_ == end_) closed = sorter.Close();  // again if an entry is issued later
    }
    if (account != nullptr) {
      *account += closed;
      sorter.EndRecord(end_);
    }
    if (vcd != nullptr) vcd->Finish(end_);
    Count(counters);
  }

 private:
  using PtrActivity = typename PtrRead<typename Arithmetic::Word>::Activity;

  static constexpr int64_t kPatienceEdges = 16;

  void Tick() {
    ++edge_;
    const int64_t rows = ccu_.rows();
    const int64_t broadcasts = ccu_.broadcasts();
    // 1. Every unit works this edge out from what all of them latched at the last one.
    if (shuffled_) std::shuffle(units_.begin(), units_.end(), random_);
    for (Unit* unit : units_) unit->Evaluate();
    // 2. All latch.
    if (shuffled_) std::shuffle(units_.begin(), units_.end(), random_);
    for (Unit* unit : units_) unit->Commit();
    // 3. An entry issued at this edge moves the layer's end, as does, before the first, a row.
    bool busy = ccu_.rows() != rows || ccu_.broadcasts() != broadcasts;
    bool issued = false;
    for (const Pe<Arithmetic>& pe : pes_) {
      issued |= pe.ptr_read.activity() == PtrActivity::kEntry;
      busy |= pe.ptr_read.activity() != PtrActivity::kIdle;
    }
    any_issued_ |= issued;
    if (issued || (!any_issued_ && ccu_.rows() != rows)) end_ = edge_ + kPipelineEdges;
    // 4. Edges at which nothing moves mean a machine that is stuck, which is a fault of this code.
    if (busy) last_busy_ = edge_;
    if (edge_ - last_busy_ > kPatienceEdges) {
      throw std::logic_error("clock engine: nothing moved for " + std::to_string(kPatienceEdges) +
                             " edges at edge " + std::to_string(edge_) + "\n" + Describe());
    }
  }

  bool Finished() const {
    return ccu_.finished() && std::all_of(pes_.begin(), pes_.end(),
                                          [](const Pe<Arithmetic>& pe) { return pe.idle(); });
  }

  void Count(Counters* counters) const {
    counters->cycles += end_;
    counters->broadcasts += ccu_.broadcasts();
    for (const Pe<Arithmetic>& pe : pes_) {
      counters->ptr_reads += pe.ptr_read.reads();
      counters->spmat_reads += pe.spmat_read.reads();
      counters->entries += pe.spmat_read.entries();
      counters->padding_entries += pe.spmat_read.paddings();
      counters->act_reads += pe.act_rw.source_reads();
      counters->accumulator_saturations += pe.arith.saturations();
    }
  }

  /// Every unit's latched state.
  std::string Describe() const {
    std::string text = ccu_.Describe() + "\n" + lnzd_.Describe() + "\n";
    for (size_t k = 0; k < pes_.size(); ++k) {
      const Pe<Arithmetic>& pe = pes_[k];
      text += "pe " + std::to_string(k) + "\n";
      for (const Unit* unit :
           {static_cast<const Unit*>(&pe.act_queue), static_cast<const Unit*>(&pe.ptr_read),
            static_cast<const Unit*>(&pe.spmat_read), static_cast<const Unit*>(&pe.arith),
            static_cast<const Unit*>(&pe.act_rw)}) {
        text += "  " + unit->Describe() + "\n";
      }
    }
    return text;
  }

  void Show(Signals* signals) const {
    const auto show = [signals](const std::string& name, const Unit& unit) {
      signals->Enter(name);
      unit.Show(signals);
      signals->Leave();
    };
    show("ccu", ccu_);
    show("lnzd", lnzd_);
    for (size_t k = 0; k < pes_.size(); ++k) {
      const Pe<Arithmetic>& pe = pes_[k];
      signals->Enter("pe_" + std::to_string(k));
      show("act_queue", pe.act_queue);
      show("ptr_read", pe.ptr_read);
      show("spmat_read", pe.spmat_read);
      show("arith", pe.arith);
      show("act_rw", pe.act_rw);
      signals->Leave();
    }
  }

  const Layer<Arithmetic> layer_;
  const SramContents srams_;
  Lnzd<typename Arithmetic::Word> lnzd_;
  std::deque<Pe<Arithmetic>> pes_;
  Ccu<Arithmetic> ccu_;
  std::vector<Unit*> units_;
  std::mt19937 random_;
  const bool shuffled_;
  int64_t edge_ = 0;
  int64_t end_ = 0;        // the layer's last edge, as far as it is known
  int64_t last_busy_ = 0;  // edge
  bool any_issued_ = false;
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_SIMULATION_H_
