"""From the machine's Relax functions to TIR kernels, tiled and tensorized."""
