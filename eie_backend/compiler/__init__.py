"""The one pipeline, driven: from a Relax module to an executable for the host and the machine."""

from eie_backend.compiler.driver import build, check_bits, compile, prepare

__all__ = ["build", "check_bits", "compile", "prepare"]
