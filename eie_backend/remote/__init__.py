"""Compiled models on other machines, over TVM RPC: where, how to reach them, how to serve."""
