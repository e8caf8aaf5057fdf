"""Relax passes, one per file, from valid module to valid module, and what makes a layer fit.

`dense_form` lists the first of them in their order, `eie_backend.compiler.pipeline` the rest.
"""
