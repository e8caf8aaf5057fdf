"""Recurrent layers of any source: their cells, and their steps as calls of one function."""
