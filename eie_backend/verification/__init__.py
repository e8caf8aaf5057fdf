"""Whether an imported module computes what its source computes, run by the source's own runtime."""
