builtin.module {
  eie.program "fused_relax_matmul_relax_add_relax_nn_relu_relax_matmul_eie" "int16" inputs = 4, outputs = 2 layers ["fc1", "fc2"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 32 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
    eie.matrix codes = dense<[[3, 0, 2, 0], [0, 0, 3, 0], [1, 4, 0, 1]]> : tensor<3x4xi8>, codebook = dense<[0, -4096, 4096, 8192, 16384]> : tensor<5xi32>
    eie.matrix codes = dense<[[3, 1, 0], [0, 2, 3]]> : tensor<2x3xi8>, codebook = dense<[0, -8192, 2048, 24576]> : tensor<4xi32>
    eie.bias dense<[16777216, -33554432, 4194304]> : tensor<3xi32>
    eie.setup {
      eie.load_matrix "fc1" matrix = 0
      eie.load_matrix "fc2" matrix = 1
    }
    eie.run {
      eie.load_act "fc1" src = 0, dst_row = 0, count = 4, frac_bits = 12
      eie.load_bias "fc1" bias = 0
      eie.mvm "fc1" matrix = 0, src_row = 0, shift = 0, frac_bits = 12
      eie.write_back "fc1" dst_row = 1022, count = 3, epilogue = 1, parameter = 0, shift = 15
      eie.clear "fc2"
      eie.mvm "fc2" matrix = 1, src_row = 1022, shift = 0, frac_bits = 10
      eie.write_back "fc2" dst_row = 0, count = 2, epilogue = 0, parameter = 0, shift = 14
      eie.store_act "fc2" src_row = 0, dst = 0, count = 2, frac_bits = 9
    }
  }
}
