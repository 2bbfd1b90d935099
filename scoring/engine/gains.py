"""What rests of receivers add to what acts on them weigh."""

from dataclasses import dataclass

import ibis
import numpy as np

from scoring.engine.arrays import Floats, Ints, keys_of
from scoring.engine.daily import WEIGHTS
from scoring.engine.parameters import Parameters
from scoring.engine.people import People
from scoring.engine.rests import Spells
from scoring.engine.tables import Table, Workspace
from scoring.engine.weights import aged_by, mixed


@dataclass(frozen=True)
class Gains:
    """What rests of receivers add to what acts weigh (`gains`).

    Attributes
    ----------
    keys : ndarray of int64, shape (k,)
        giver * n + receiver, ascending: pairs whose receiver rested.
    weight, free : ndarray of float64, shape (k,)
        What is to be added; at least 0.
    """

    keys: Ints
    weight: Floats
    free: Floats


def gains(workspace: Workspace, received: Table, spells: Spells, people: People, formula: Parameters) -> Gains:
    """Work out, rest by rest, what those who rested gain by it.

    A rest can be taken out of time: what came before it doesn't age while it lasts, and what came in it isn't there. It
    is, where that is more than to leave it in, for each pair and each half-life, from the oldest to the latest:

        before rest i     T -> A_i + T 2^(-days since rest i - 1 / half life)
        at its end        T -> max(D_i + T 2^(-days of rest i / half life), T)

    where A_i came between rests i - 1 and i and D_i in rest i. The second grows with T, and T can stay what it is
    without any rest: so one more rest never lowers it.

    Parameters
    ----------
    workspace : Workspace
        Where to compute.
    received : ibis table
        Rows of `daily.Days.pairs`, of all days before the moment: at least those whose target rested.
    spells : Spells
        Days of rest before the moment.
    people : People
        Whose accounts are meant.
    formula : Parameters
        Half-lives, and how they are mixed.

    Returns
    -------
    Gains
        What T is at the moment, less what it is without any rest.
    """
    around = spells.around()
    received = people.placed(received, "target", "receiver").inner_join(ibis.memtable(around), "receiver")
    received = people.placed(received, "actor", "giver")
    received = received.filter(received.giver != received.receiver)
    phases = ibis.memtable(spells.phases()).rename(_receiver="receiver", _day="day")
    rows = received.left_join(phases, [("receiver", "_receiver"), ("day", "_day")])
    before = rows.day < rows.begins
    closes = ibis.coalesce(rows.closes, ibis.ifelse(before, rows.begins.cast("float64"), spells.until))
    rows = rows.mutate(phase=ibis.coalesce(rows.phase, ibis.ifelse(before, 0, rows.over)))
    aged = aged_by(rows, WEIGHTS, ibis.greatest(closes - (rows.day + 1), 0.0), formula)
    sums = {name: aged[name].sum() for name in WEIGHTS}
    found = workspace.arrays(aged.group_by("giver", "receiver", "phase").aggregate(**sums))
    keys, pair = np.unique(keys_of(found["giver"], found["receiver"], people.size), return_inverse=True)
    # Of each pair: the row of its receiver.
    lengths = spells.lengths()[np.searchsorted(around["receiver"].to_numpy(), keys % max(people.size, 1))]
    more = {}
    for name in WEIGHTS:
        half_life = formula.half_life_days if name.startswith("slow") else formula.burst_half_life_days
        best, in_time = np.zeros(keys.size), np.zeros(keys.size)
        for phase in range(lengths.shape[1]):
            came = np.zeros(keys.size)
            now = found["phase"] == phase
            came[pair[now]] = found[name][now]
            fades = np.exp2(-lengths[:, phase] / half_life)
            left_in = best * fades + came
            best = np.maximum(left_in, best) if phase % 2 else left_in
            in_time = in_time * fades + came
        more[name] = best - in_time
    return Gains(
        keys, mixed(more["slow"], more["burst"], formula), mixed(more["slow_free"], more["burst_free"], formula)
    )
