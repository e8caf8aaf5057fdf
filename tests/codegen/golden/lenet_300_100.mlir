builtin.module {
  eie.program "fused_relax_matmul_relax_add_relax_nn_relu_relax_matmul_relax_add_relax_nn_relu1_relax_matmul_relax_add_eie" "int16" inputs = 784, outputs = 10 layers ["fc1", "fc2", "fc3"] config {num_pe = 64 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 16 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
    eie.matrix codes = dense_resource<elided_604aa37b169fd158> : tensor<300x784xi8>, codebook = dense<[0, -18537, -15789, -12427, -9592, -6854, -4431, -2460, -974, 3, 1023, 2625, 4645, 7113, 9943, 13884]> : tensor<16xi32>
    eie.matrix codes = dense_resource<elided_7b9d6085aea0a0d5> : tensor<100x300xi8>, codebook = dense<[0, -18878, -13815, -10152, -6906, -4077, -1706, 3, 1420, 3253, 5179, 7216, 9562, 12411, 15576, 19127]> : tensor<16xi32>
    eie.matrix codes = dense_resource<elided_05641357e8ecabdd> : tensor<10x100xi8>, codebook = dense<[0, -19346, -16090, -13320, -10723, -7727, -3777, -24, 1607, 3736, 6250, 8726, 10894, 12868, 15813, 19213]> : tensor<16xi32>
    eie.bias dense_resource<elided_d19429a5c1b749f2> : tensor<300xi32>
    eie.bias dense_resource<elided_dd07be866bb29b9c> : tensor<100xi32>
    eie.bias dense<[-153, -384, 110, -18, 31, -148, -35, -209, 379, 109]> : tensor<10xi32>
    eie.setup {
      eie.load_matrix "fc1" matrix = 0
      eie.load_matrix "fc2" matrix = 1
      eie.load_matrix "fc3" matrix = 2
    }
    eie.run {
      eie.load_act "fc1" src = 0, dst_row = 0, count = 784, frac_bits = 12
      eie.load_bias "fc1" bias = 0
      eie.mvm "fc1" matrix = 0, src_row = 0, shift = 17, frac_bits = 12
      eie.write_back "fc1" dst_row = 1019, count = 300, epilogue = 1, parameter = 0, shift = 0
      eie.load_bias "fc2" bias = 1
      eie.mvm "fc2" matrix = 1, src_row = 1019, shift = 15, frac_bits = 10
      eie.write_back "fc2" dst_row = 0, count = 100, epilogue = 1, parameter = 0, shift = 0
      eie.load_bias "fc3" bias = 2
      eie.mvm "fc3" matrix = 2, src_row = 0, shift = 16, frac_bits = 10
      eie.write_back "fc3" dst_row = 1023, count = 10, epilogue = 0, parameter = 0, shift = -1
      eie.store_act "fc3" src_row = 1023, dst = 0, count = 10, frac_bits = 10
    }
  }
}
