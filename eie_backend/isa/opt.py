"""``eie-opt``: parse, verify, transform and print text of the ``eie`` dialect.

It is xDSL's ``xdsl-opt`` with the ``eie`` dialect and its passes. The FileCheck tests in
``tests/isa/lit`` use it with ``--split-input-file`` and ``--verify-diagnostics``.
"""

from __future__ import annotations

import sys
from io import StringIO
from typing import IO, Any, ClassVar

from xdsl.dialects.builtin import Builtin, ModuleOp
from xdsl.passes import ModulePass
from xdsl.utils.exceptions import DiagnosticException, ParseError
from xdsl.xdsl_opt_main import xDSLOptMain

from eie_backend._versions import check_versions
from eie_backend.errors import EieError
from eie_backend.isa.assembly import ExactPrinter
from eie_backend.isa.dialect import EIE
from eie_backend.isa.elide_constants import ElideConstants
from eie_backend.isa.text_check import check_text

PASSES: tuple[type[ModulePass], ...] = (ElideConstants,)

ERROR_EXIT = 2


class OptMain(xDSLOptMain):
    """`xDSLOptMain` for one dialect; float32 constants are printed to the bit."""

    version_format: ClassVar[str] = "eie-opt built from xdsl version {xdsl_version}"

    def register_all_dialects(self) -> None:
        """Register the builtin and the ``eie`` dialect."""
        self.ctx.load_dialect(Builtin)
        self.ctx.load_dialect(EIE)

    def register_all_frontends(self) -> None:
        """Register MLIR text as the only input, checked before parsing."""
        super().register_all_frontends()  # type: ignore[no-untyped-call]
        parse: Any = self.available_frontends["mlir"]

        def checked(file: IO[Any]) -> ModuleOp:
            data = file.read()
            text = data if isinstance(data, str) else data.decode()
            module: ModuleOp = parse(StringIO(check_text(text)))
            return module

        self.available_frontends = {"mlir": checked}

    def register_all_passes(self) -> None:
        """Register `PASSES`."""

        def register(found: type[ModulePass]) -> None:
            self.register_pass(found.name, lambda: found)

        for found in PASSES:
            register(found)

    def register_all_targets(self) -> None:
        """Register the only form of output, MLIR text."""
        self.available_targets["mlir"] = self._print

    def _print(self, module: ModuleOp, output: IO[str]) -> None:
        printer = ExactPrinter(output, print_generic_format=self.args.print_op_generic)
        printer.print_op(module)
        output.write("\n")


def main() -> None:
    """Run the tool; an error in the text goes to stderr, with exit code 2."""
    try:
        check_versions()
        tool = OptMain("Verify and transform programs of the machine, as MLIR text.")
        tool.run()  # type: ignore[no-untyped-call]
    except (
        EieError,
        ParseError,
        DiagnosticException,
        OSError,
        RecursionError,
        ValueError,
    ) as error:
        sys.stderr.write(f"eie-opt: error: {str(error).strip()}\n")
        raise SystemExit(ERROR_EXIT) from None


if __name__ == "__main__":
    main()
