"""What keeps TVM's code inside its tensors: checks of indices, divisors and sizes."""
