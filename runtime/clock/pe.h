#ifndef EIE_CLOCK_PE_H_
#define EIE_CLOCK_PE_H_

#include <cstdint>

#include "clock/act_queue.h"
#include "clock/act_rw.h"
#include "clock/arith.h"
#include "clock/layer.h"
#include "clock/ptr_read.h"
#include "clock/spmat_read.h"
#include "clock/sram_contents.h"

namespace eie::clock {

/// One processing element. Its wiring: act_queue > ptr_read > spmat_read > arith <> act_rw.
template <typename Arithmetic>
struct Pe {
  using Word = typename Arithmetic::Word;

  Pe(const Layer<Arithmetic>& layer, const SramContents& srams, int64_t pe)
      : act_queue(layer.config.queue_columns(), layer.matrix.stored_cols()),
        ptr_read(srams.pointers(pe), &act_queue),
        spmat_read(srams.entries(pe), layer.config.spmat_width_bits / 8, layer.matrix.codebook_bits,
                   &ptr_read),
        arith(layer.arithmetic, layer.codebook, layer.shift, &spmat_read, &act_rw),
        act_rw(layer.x, layer.acc, pe, layer.matrix.num_pe) {}
  Pe(const Pe&) = delete;  // units point to one another
  Pe& operator=(const Pe&) = delete;

  bool idle() const {
    return act_queue.empty() && ptr_read.idle() && spmat_read.idle() && arith.idle();
  }

  ActQueue<Word> act_queue;
  PtrRead<Word> ptr_read;
  SpmatRead<Word> spmat_read;
  Arith<Arithmetic> arith;
  ActRw<Word> act_rw;
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_PE_H_
