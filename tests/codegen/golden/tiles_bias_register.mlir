builtin.module {
  eie.program "fused_relax_matmul_relax_add_relax_nn_relu1_eie" "float32" inputs = 6, outputs = 5 layers ["fc"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 2 : i64, codebook_bits = 4 : i64, accumulator_bits = 32 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
    eie.matrix codes = dense<[[2, 0, 2, 0], [0, 1, 0, 0], [2, 1, 2, 0], [0, 1, 0, 0]]> : tensor<4x4xi8>, codebook = dense<[0.000000e+00, -5.000000e-01, 1.000000e+00]> : tensor<3xf32>
    eie.matrix codes = dense<[[2, 0], [1, 0], [1, 0], [1, 0]]> : tensor<4x2xi8>, codebook = dense<[0.000000e+00, -5.000000e-01, 1.000000e+00]> : tensor<3xf32>
    eie.matrix codes = dense<[[2, 1, 2, 0]]> : tensor<1x4xi8>, codebook = dense<[0.000000e+00, -5.000000e-01, 1.000000e+00]> : tensor<3xf32>
    eie.matrix codes = dense<[[1, 0]]> : tensor<1x2xi8>, codebook = dense<[0.000000e+00, -5.000000e-01, 1.000000e+00]> : tensor<3xf32>
    eie.bias dense<[0.000000e+00, 1.000000e+00, 2.000000e+00, 3.000000e+00]> : tensor<4xf32>
    eie.bias dense<4.000000e+00> : tensor<1xf32>
    eie.setup {
      eie.load_matrix "fc" matrix = 0
      eie.load_matrix "fc" matrix = 1
      eie.load_matrix "fc" matrix = 2
      eie.load_matrix "fc" matrix = 3
    }
    eie.run {
      eie.load_act "fc" src = 0, dst_row = 0, count = 6, frac_bits = 0
      eie.load_bias "fc" bias = 0
      eie.mvm "fc" matrix = 0, src_row = 0, shift = 0, frac_bits = 0
      eie.mvm "fc" matrix = 1, src_row = 2, shift = 0, frac_bits = 0
      eie.write_back "fc" dst_row = 1021, count = 4, epilogue = 1, parameter = 0, shift = 0
      eie.load_bias "fc" bias = 1
      eie.mvm "fc" matrix = 2, src_row = 0, shift = 0, frac_bits = 0
      eie.mvm "fc" matrix = 3, src_row = 2, shift = 0, frac_bits = 0
      eie.write_back "fc" dst_row = 1023, count = 1, epilogue = 1, parameter = 0, shift = 0
      eie.store_act "fc" src_row = 1021, dst = 0, count = 5, frac_bits = 0
    }
  }
}
