"""The one pipeline, driven: from a Relax module to an executable for the host and the machine."""

from eie_backend.compiler.driver import build, compile, prepare

__all__ = ["build", "compile", "prepare"]
