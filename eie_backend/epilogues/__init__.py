"""What `write_back` can do to a layer's sums: one epilogue per file, from Relax to the machine.

A new file in this folder, which defines `EPILOGUE`, is a new epilogue; nothing else lists them. Its
C++ is the file of the same name in ``runtime/values/epilogues/``.
"""

from eie_backend.discover import discover
from eie_backend.machine.epilogue import Applied, Epilogue

EPILOGUES: tuple[Epilogue, ...] = tuple(
    sorted(discover(__name__, __path__, "EPILOGUE"), key=lambda epilogue: epilogue.number)
)
BY_NAME = {epilogue.name: epilogue for epilogue in EPILOGUES}
BY_NUMBER = {epilogue.number: epilogue for epilogue in EPILOGUES}
BY_OPERATOR = {name: epilogue for epilogue in EPILOGUES for name in epilogue.operators}

NONE = Applied(BY_NAME["none"])
