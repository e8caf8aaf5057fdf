"""The one way from a Relax module to an executable for host and machine, stage by stage."""

from eie_backend.compiler.driver import build, compile, prepare

__all__ = ["build", "compile", "prepare"]
