"""Level 4: Relax functions of the machine become TIR kernels."""
