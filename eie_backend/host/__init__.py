"""Networks on this computer in floating point: what verifies, calibrates and searches runs them."""
