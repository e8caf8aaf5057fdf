builtin.module {
  eie.program "fused_relax_matmul_relax_nn_relu_relax_matmul_relax_matmul_relax_add_eie" "float32" inputs = 4, outputs = 4 layers ["trunk", "left", "right"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 32 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
    eie.matrix codes = dense<[[3, 0, 2, 0], [0, 0, 3, 0], [1, 4, 0, 1]]> : tensor<3x4xi8>, codebook = dense<[0.000000e+00, -5.000000e-01, 5.000000e-01, 1.000000e+00, 2.000000e+00]> : tensor<5xf32>
    eie.matrix codes = dense<[[3, 1, 0], [0, 2, 3]]> : tensor<2x3xi8>, codebook = dense<[0.000000e+00, -1.000000e+00, 2.500000e-01, 3.000000e+00]> : tensor<4xf32>
    eie.matrix codes = dense<[[1, 3, 0], [0, 2, 1]]> : tensor<2x3xi8>, codebook = dense<[0.000000e+00, -3.000000e+00, -2.500000e-01, 1.000000e+00]> : tensor<4xf32>
    eie.bias dense<[-5.000000e-01, 1.000000e+00]> : tensor<2xf32>
    eie.setup {
      eie.load_matrix "trunk" matrix = 0
      eie.load_matrix "left" matrix = 1
      eie.load_matrix "right" matrix = 2
    }
    eie.run {
      eie.load_act "trunk" src = 0, dst_row = 0, count = 4, frac_bits = 0
      eie.clear "trunk"
      eie.mvm "trunk" matrix = 0, src_row = 0, shift = 0, frac_bits = 0
      eie.write_back "trunk" dst_row = 1022, count = 3, epilogue = 1, parameter = 0, shift = 0
      eie.clear "left"
      eie.mvm "left" matrix = 1, src_row = 1022, shift = 0, frac_bits = 0
      eie.write_back "left" dst_row = 0, count = 2, epilogue = 0, parameter = 0, shift = 0
      eie.load_bias "right" bias = 0
      eie.mvm "right" matrix = 2, src_row = 1022, shift = 0, frac_bits = 0
      eie.write_back "right" dst_row = 1, count = 2, epilogue = 0, parameter = 0, shift = 0
      eie.store_act "left" src_row = 0, dst = 0, count = 2, frac_bits = 0
      eie.store_act "right" src_row = 1, dst = 2, count = 2, frac_bits = 0
    }
  }
}
