"""What people cost: one sum for everybody, and others for those who are named."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt

from campaigns.actions.errors import SelectionRefused

# No more digits than a column of money holds.
_SUM: Final = re.compile(r"[0-9]{1,10}(?:[.][0-9]{1,2})?")
_EXAMPLE: Final = "Write a handle and what it costs, a line each, such as: ann, 250.50"


def costs_in(text: str) -> dict[str, Decimal]:
    """Return what stands in a text of lines "handle, cost", by handle in lower case.

    Between the two is a comma, a semicolon, a tab or a space; after a semicolon or a tab a sum may have its pence
    behind a comma. Empty lines are none. Raises SelectionRefused for the first line that can't be read, and for
    somebody with two costs.
    """
    costs: dict[str, Decimal] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip(" ,;\t"):
            continue
        handle, cost = _line(line)
        if not handle or cost is None:
            raise SelectionRefused(f"Line {number} of the costs, “{line.strip()[:60]}”, has no cost. {_EXAMPLE}.")
        if costs.setdefault(handle, cost) != cost:
            raise SelectionRefused(f"Line {number} of the costs: {handle} costs {cost} here and {costs[handle]} above.")
    return costs


def without_cost_of(handle: str, text: str) -> str:
    """Return such a text without the lines of a handle, which is given in lower case."""
    return "".join(line for line in text.splitlines(keepends=True) if _line(line)[0] != handle)


def _line(line: str) -> tuple[str, Decimal | None]:
    """Return a line's handle and cost. Other columns are left aside, but where commas part them and thousands too."""
    sign = next((sign for sign in ";\t," if sign in line), None)
    cells = [cell.strip(" \"'") for cell in line.split(sign)]
    cost = cells[1] if len(cells) > 1 else ""
    if sign == "," and any(cells[2:]):
        cost = ""
    if sign in {";", "\t"}:
        cost = cost.replace(",", ".")
    return cells[0].strip("@").lower(), Decimal(cost) if _SUM.fullmatch(cost) else None


def each_cost(
    people: npt.NDArray[np.int64], cost_each: Decimal, others: Mapping[int, Decimal]
) -> npt.NDArray[np.float64]:
    """Return what each person costs, in their order."""
    costs = np.full(people.size, float(cost_each))
    for place, person in enumerate(people.tolist()):
        if person in others:
            costs[place] = float(others[person])
    return costs
