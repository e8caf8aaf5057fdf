"""Relax and TIR passes, from valid IR to valid IR; `pipeline` lists their order."""
