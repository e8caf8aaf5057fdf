builtin.module {
  eie.program "fused_relax_matmul1_eie" "float32" inputs = 1, outputs = 1 layers ["fc1"] config {num_pe = 2 : i64, fifo_depth = 8 : i64, spmat_width_bits = 64 : i64, spmat_sram_bytes = 131072 : i64, ptr_sram_bytes = 32768 : i64, ptr_bits = 16 : i64, act_sram_bytes = 2048 : i64, act_registers = 64 : i64, codebook_bits = 4 : i64, accumulator_bits = 32 : i64, clock_mhz = 800 : i64, dram_bytes_per_cycle = 8 : i64} manifest {} {
    eie.matrix codes = dense<1> : tensor<1x1xi8>, codebook = dense<[0.000000e+00, 5.000000e-01]> : tensor<2xf32>
    eie.setup {
      eie.load_matrix "fc1" matrix = 0
    }
    eie.run {
      eie.load_act "fc1" src = 0, dst_row = 0, count = 1, frac_bits = 0
      eie.clear "fc1"
      eie.mvm "fc1" matrix = 0, src_row = 0, shift = 0, frac_bits = 0
      eie.write_back "fc1" dst_row = 1023, count = 1, epilogue = 0, parameter = 0, shift = 0
      eie.store_act "fc1" src_row = 1023, dst = 0, count = 1, frac_bits = 0
    }
  }
}
