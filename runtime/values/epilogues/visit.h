// Generated from eie_backend/epilogues by `python -m eie_backend.generate`; do not edit.
#ifndef EIE_GENERATED_VISIT_EPILOGUE_H_
#define EIE_GENERATED_VISIT_EPILOGUE_H_

#include <cstdint>
#include <stdexcept>

#include "values/epilogues/clip.h"
#include "values/epilogues/leaky_relu.h"
#include "values/epilogues/none.h"
#include "values/epilogues/relu.h"

namespace eie {

/// Calls `visit` with the epilogue of a number that `CheckProgram` has checked.
template <typename Visit>
void VisitEpilogue(int64_t number, Visit visit) {
  switch (number) {
    case 0:
      return visit(None{});
    case 1:
      return visit(Relu{});
    case 2:
      return visit(Clip{});
    case 3:
      return visit(LeakyRelu{});
    default:
      throw std::logic_error("eie: an unknown epilogue");
  }
}

}  // namespace eie

#endif  // EIE_GENERATED_VISIT_EPILOGUE_H_
