"""The order of each layer's outputs in the machine, as a library's manifest says it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from eie_backend.errors import ImageError
from eie_backend.isa.program import ORDERS, Program
from eie_backend.transform.balance_rows import Order


def orders_of(programs: Sequence[Program]) -> tuple[dict[str, Order], set[str]]:
    """Return the orders of the layers that are not in the model's, and those that are not told.

    An order says for each of the machine's outputs which of the model's it is. Libraries of before
    say only that they have one.

    Raises
    ------
    ImageError
        If a manifest does not say that as it must.
    """
    orders: dict[str, Order] = {}
    reordered: set[str] = set()
    for program in programs:
        try:
            told = json.loads(program.manifest.get(ORDERS) or "{}")
            found = {str(name): np.array(order, np.int64) for name, order in told.items()}
            record = json.loads(program.manifest.get("balance") or "{}").get("layers", {})
            reordered |= {str(name) for name, row in record.items() if row["order"] != "off"}
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise ImageError(
                f"{program.symbol}: the manifest's entries balance and {ORDERS} are no JSON of "
                "orders by layer; compile the model again"
            ) from error
        for name, order in found.items():
            if order.ndim != 1 or not np.array_equal(np.sort(order), np.arange(order.size)):
                raise ImageError(
                    f"{program.symbol}: the manifest's order of {name} is none of its outputs; "
                    "compile the model again"
                )
        orders |= found
    return orders, reordered - orders.keys()
