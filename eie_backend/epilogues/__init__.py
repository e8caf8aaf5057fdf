"""What `write_back` can do to a layer's sums: one epilogue per file, from Relax to the machine.

A new file in this folder, which defines `EPILOGUE`, is a new epilogue; nothing else lists them. Its
C++ is the file of the same name in ``runtime/values/epilogues/``.
"""

from importlib import import_module
from pkgutil import iter_modules

from eie_backend.machine.epilogue import Applied, Epilogue


def _discover() -> tuple[Epilogue, ...]:
    files = [info.name for info in iter_modules(__path__) if not info.name.startswith("_")]
    found = [import_module(f"{__name__}.{name}").EPILOGUE for name in files]
    return tuple(sorted(found, key=lambda epilogue: epilogue.number))


EPILOGUES: tuple[Epilogue, ...] = _discover()
BY_NAME = {epilogue.name: epilogue for epilogue in EPILOGUES}
BY_NUMBER = {epilogue.number: epilogue for epilogue in EPILOGUES}
BY_OPERATOR = {name: epilogue for epilogue in EPILOGUES for name in epilogue.operators}

NONE = Applied(BY_NAME["none"])
