// RUN: eie-opt %s | filecheck %s
// RUN: eie-opt %s | eie-opt | filecheck %s
// RUN: eie-opt %s --print-op-generic | eie-opt | filecheck %s
// RUN: eie-opt %s --print-op-generic | filecheck %s --check-prefix=GENERIC
// RUN: eie asm %s -o - | eie disasm - -o - | filecheck %s

// One dense layer: text, generic text and image are the same program.

eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {model_sha256 = "abc"} {
  eie.matrix codes = dense<[[1, 0, 1], [0, 2, 0]]> : tensor<2x3xi8>, codebook = dense<[0.0, 0.5, -1.0]> : tensor<3xf32>
  eie.bias dense<[1.0, -1.0]> : tensor<2xf32>
  eie.setup {
    eie.load_matrix "fc1" matrix = 0
  }
  eie.run {
    eie.load_act "fc1" src = 0, dst_row = 0, count = 3, frac_bits = 0
    eie.load_bias "fc1" bias = 0
    eie.mvm "fc1" matrix = 0, src_row = 0, shift = 0, frac_bits = 0
    eie.write_back "fc1" dst_row = 2, count = 2, epilogue = 1, parameter = 0, shift = 0
    eie.store_act "fc1" src_row = 2, dst = 0, count = 2, frac_bits = 0
  }
}

// CHECK:      builtin.module {
// CHECK-NEXT:   eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64,
// CHECK-SAME:   manifest {model_sha256 = "abc"} {
// CHECK-NEXT:     eie.matrix codes = dense<{{\[\[1, 0, 1\], \[0, 2, 0\]\]}}> : tensor<2x3xi8>,
// CHECK-SAME:       codebook = dense<[0.000000e+00, 5.000000e-01, -1.000000e+00]> : tensor<3xf32>
// CHECK-NEXT:     eie.bias dense<[1.000000e+00, -1.000000e+00]> : tensor<2xf32>
// CHECK-NEXT:     eie.setup {
// CHECK-NEXT:       eie.load_matrix "fc1" matrix = 0
// CHECK-NEXT:     }
// CHECK-NEXT:     eie.run {
// CHECK-NEXT:       eie.load_act "fc1" src = 0, dst_row = 0, count = 3, frac_bits = 0
// CHECK-NEXT:       eie.load_bias "fc1" bias = 0
// CHECK-NEXT:       eie.mvm "fc1" matrix = 0, src_row = 0, shift = 0, frac_bits = 0
// CHECK-NEXT:       eie.write_back "fc1" dst_row = 2, count = 2, epilogue = 1, parameter = 0, shift = 0
// CHECK-NEXT:       eie.store_act "fc1" src_row = 2, dst = 0, count = 2, frac_bits = 0
// CHECK-NEXT:     }
// CHECK-NEXT:   }
// CHECK-NEXT: }

// GENERIC: "eie.mvm"() <{layer = "fc1", matrix = 0 : i64, src_row = 0 : i64, shift = 0 : i64, frac_bits = 0 : i64}> : () -> ()
