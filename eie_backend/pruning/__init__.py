"""Pruning methods, one file each: which weights stay, by magnitude, by PE, or in another way."""
