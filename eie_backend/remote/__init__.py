"""Compiled models on other machines, over TVM RPC: their addresses, a client, a server."""
