"""Sharing methods, one file each: where the few values lie that the weights of a layer share."""
