// RUN: eie-opt %s --split-input-file --verify-diagnostics | filecheck %s

// Each rule of eie_backend/isa/verify.py, broken.

// Rule 1: an operand fits its field; every fault is named.
// CHECK: eie.mvm: matrix = -1 is outside 0..65535; eie.mvm: src_row = 65536 is outside 0..65535; 
// CHECK-SAME: eie.mvm: shift = 128 is outside -128..127; eie.mvm: frac_bits = -129 is outside -128..127
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.matrix codes = dense<[[1, 0, 1], [0, 2, 0]]> : tensor<2x3xi8>, codebook = dense<[0.0, 0.5, -1.0]> : tensor<3xf32>
  eie.bias dense<[1.0, -1.0]> : tensor<2xf32>
  eie.run {
    eie.mvm "fc1" matrix = -1, src_row = 65536, shift = 128, frac_bits = -129
  }
}

// -----

// Rule 2: the arithmetic is known.
// CHECK: arithmetic 'int4' is none of ('float32', 'int16', 'int8', 'int32')
eie.program "f" "int4" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.bias dense<[1.0, -1.0]> : tensor<2xf32>
}

// -----

// Rule 2: the sizes fit the image.
// CHECK: inputs = -1 is outside 0..4294967295; outputs = 4294967296 is outside 0..4294967295
eie.program "f" "float32" inputs = -1, outputs = 4294967296 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.bias dense<[1.0, -1.0]> : tensor<2xf32>
}

// -----

// Rule 2: the configuration is complete.
// CHECK: config fields ['num_pe', 'pes'] are missing or unknown
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {pes = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.bias dense<[1.0, -1.0]> : tensor<2xf32>
}

// -----

// Rule 2: the configuration is possible.
// CHECK: impossible HardwareConfig: num_pe = 0 is outside 1..1024 PEs; accumulator_bits = 17 is neither 16 nor 32; correct these fields
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 0 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 17 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.bias dense<[1.0, -1.0]> : tensor<2xf32>
}

// -----

// Rule 3: layers have different names.
// CHECK: layers ['a'] are named more than once
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["a", "b", "a"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.bias dense<[1.0, -1.0]> : tensor<2xf32>
}

// -----

// Rule 3: an instruction names one of them.
// CHECK: layer 'fc2' is none of ['fc1']
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.run {
    eie.clear "fc2"
  }
}

// -----

// Rule 4: the elements of a constant.
// CHECK: constant of type tensor<2x3xi32>; it must be of i8; constant of type tensor<2xf64>; it must be of f32
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.matrix codes = dense<[[1, 0, 1], [0, 2, 0]]> : tensor<2x3xi32>, codebook = dense<[0.0, 0.5, -1.0]> : tensor<3xf32>
  eie.bias dense<[1.0, -1.0]> : tensor<2xf64>
}

// -----

// Rule 4: integers go with every arithmetic but float32.
// CHECK: constant of type tensor<3xf32>; it must be of i32; constant of type tensor<2xf32>; it must be of i32
eie.program "f" "int8" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.matrix codes = dense<[[1, 0, 1], [0, 2, 0]]> : tensor<2x3xi8>, codebook = dense<[0.0, 0.5, -1.0]> : tensor<3xf32>
  eie.bias dense<[1.0, -1.0]> : tensor<2xf32>
}

// -----

// Rule 4: the rank of a constant.
// CHECK: constant of type tensor<1x2xf32>; its rank must be 1
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.bias dense<[[1.0, -1.0]]> : tensor<1x2xf32>
}

// -----

// Rule 5: codes name entries of the codebook.
// CHECK: matrix 0 has code 3; its codebook has 0..2
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.matrix codes = dense<[[1, 0, 1], [0, 3, 0]]> : tensor<2x3xi8>, codebook = dense<[0.0, 0.5, -1.0]> : tensor<3xf32>
}

// -----

// Rule 5: the codebook is not larger than the machine's.
// CHECK: matrix 0 has a codebook of 17; the machine's has 1..16 entries
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.matrix codes = dense<[[1, 0, 1], [0, 2, 0]]> : tensor<2x3xi8>, codebook = dense<1.0> : tensor<17xf32>
}

// -----

// Rule 5: a bias column alone is no matrix.
// CHECK: matrix 0 has shape (2, 0); both must be at least 1
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.matrix bias_column codes = dense<[[1], [0]]> : tensor<2x1xi8>, codebook = dense<[0.0, 0.5]> : tensor<2xf32>
}

// -----

// Rule 6: matrices and biases that the program has.
// CHECK: eie.load_matrix: matrix = 1, the program has 1; eie.load_bias: bias = 0, the program has 0
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.matrix codes = dense<[[1, 0, 1], [0, 2, 0]]> : tensor<2x3xi8>, codebook = dense<[0.0, 0.5, -1.0]> : tensor<3xf32>
  eie.run {
    eie.load_matrix "fc1" matrix = 1
    eie.load_bias "fc1" bias = 0
    eie.mvm "fc1" matrix = 0, src_row = 0, shift = 0, frac_bits = 0
  }
}

// -----

// Rule 7: setup only loads matrices.
// CHECK: eie.clear in eie.setup; only eie.load_matrix may be there
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.setup {
    eie.clear "fc1"
  }
}

// -----

// Rule 7: run holds instructions.
// CHECK: builtin.module is not an instruction
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.run {
    "builtin.module"() ({
    ^bb0:
    }) : () -> ()
  }
}

// -----

// Rule 8: the manifest holds strings.
// CHECK: manifest entry 'version' is 1 : i64, not a string
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {version = 1 : i64} {
  eie.bias dense<[1.0, -1.0]> : tensor<2xf32>
}

// -----

// An instruction stands in setup or run.
// CHECK: 'eie.clear' expects parent op to be one of 'eie.setup', 'eie.run'
eie.clear "fc1"

// -----

// Data and parts stand in a program.
// CHECK: 'eie.bias' expects parent op 'eie.program'
eie.bias dense<[1.0, -1.0]> : tensor<2xf32>

// -----

// A part stands in a program.
// CHECK: 'eie.run' expects parent op 'eie.program'
eie.run {
  eie.clear "fc1"
}

// -----

// Rule 9: there are not too many pointers.
// CHECK: 67109888 column pointers in 1024 PEs; at most 67108864 may be there
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 1024 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.matrix codes = dense<0> : tensor<1x65536xi8>, codebook = dense<[0.0, 0.5]> : tensor<2xf32>
}

// -----

// Rule 10: an epilogue is known, and its parameter fits it.
// CHECK: eie.write_back: epilogue = 4, allowed is 0..3; eie.write_back: parameter = 1, allowed is 0..0; eie.write_back: parameter = 1065353216, allowed is 0..1065353215
eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 64 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
  eie.run {
    eie.write_back "fc1" dst_row = 0, count = 1, epilogue = 4, parameter = 0, shift = 0
    eie.write_back "fc1" dst_row = 0, count = 1, epilogue = 1, parameter = 1, shift = 0
    eie.write_back "fc1" dst_row = 0, count = 1, epilogue = 3, parameter = 1065353216, shift = 0
  }
}
