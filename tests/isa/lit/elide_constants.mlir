// RUN: eie-opt %s -p 'elide-constants{above-bytes=8}' | filecheck %s
// RUN: eie-opt %s -p 'elide-constants{above-bytes=8},elide-constants{above-bytes=8}' | filecheck %s
// RUN: eie-opt %s -p elide-constants | filecheck %s --check-prefix=DEFAULT
// RUN: eie-opt %s -p 'elide-constants{above-bytes=8}' | not eie asm - -o - 2>&1 | filecheck %s --check-prefix=ASM

eie.program "f" "float32" inputs = 3, outputs = 2 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {graph = "[{}, {}, {}]", recipe = "a recipe"} {
  eie.matrix codes = dense<[[1, 0, 1], [0, 1, 0]]> : tensor<2x3xi8>, codebook = dense<[0.0, 0.5]> : tensor<2xf32>
  eie.bias dense<[1.0, -1.0, 2.0]> : tensor<3xf32>
}

// 4. So are the manifest's entries that only reports read, if they are as long.
// CHECK: manifest {graph = "elided_{{[0-9a-f]+}}", recipe = "a recipe"}
// DEFAULT: manifest {graph = "[{}, {}, {}]", recipe = "a recipe"}

// 1. The name is the start of the SHA-256 of the data: of 1.0, -1.0, 2.0.
// CHECK: eie.bias dense_resource<elided_08b6b451805ad502> : tensor<3xf32>

// 2. A constant of 8 bytes, and everything in the default, is left alone.
// CHECK-NOT: dense_resource
// DEFAULT-NOT: dense_resource

// 3. The assembler refuses the result.
// ASM: eie: error: -: eie text: constant dense_resource<elided_08b6b451805ad502> : tensor<3xf32> is elided; print the program with its constants
