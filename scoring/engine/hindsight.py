"""The forecast of an earlier moment, held against what then happened."""

from dataclasses import dataclass

import numpy as np

from scoring.engine.activity import DAY, Activity
from scoring.engine.arrays import Bools, Floats, Ints
from scoring.engine.attention import Caps, attention
from scoring.engine.backtests import Backtest, Foretold, bands_of_halves, held_against
from scoring.engine.baselines import baselines, counted, latest
from scoring.engine.inputs import Inputs
from scoring.engine.pairs import Pairs, locate, pairs
from scoring.engine.parameters import Parameters
from scoring.engine.snapshot import Snapshot, snapshot
from scoring.engine.tables import Workspace


@dataclass(frozen=True)
class Hindsight:
    """A forecast, and what happened in the horizon after it.

    Attributes
    ----------
    snapshot : Snapshot
        What was known.
    cut : int
        When, in epoch seconds.
    known : ndarray of bool, shape (n,)
        Who had been seen.
    judged : ndarray of bool, shape (n,)
        On whom anybody had acted.
    happened, acted : ndarray of float64, shape (n,)
        Who then acted: by the rule of the forecast, and the plain number of different people who were free to.
    """

    snapshot: Snapshot
    cut: int
    known: Bools
    judged: Bools
    happened: Floats
    acted: Floats

    @property
    def forecast(self) -> Floats:
        """Return the reach that was forecast.

        Returns
        -------
        ndarray of float64, shape (n,)
            People.
        """
        return self.snapshot.reach.reach


def hindsight(
    workspace: Workspace,
    seen: Activity,
    inputs: Inputs,
    resting: tuple[Ints, Ints, Ints],
    cut: int,
    formula: Parameters,
) -> Hindsight | None:
    """Make the forecast of a moment once more, and see what happened in the horizon after it.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work.
    seen : Activity
        The activity, at least up to a horizon after the moment.
    inputs : Inputs
        Where the seeds are.
    resting : tuple of ndarray
        Declared rests, as `rests.rests` gives them.
    cut : int
        The moment, in epoch seconds.
    formula : Parameters
        The formula.

    Returns
    -------
    Hindsight or None
        None where less than half a horizon was known then.

    Raises
    ------
    ConvergenceError
        The walk didn't come to rest.
    """
    horizon = round(formula.horizon_days * DAY)
    began = workspace.number(seen.acts["at"].min())
    if began is None or began > cut - horizon // 2:
        return None
    before = snapshot(workspace, seen, inputs, resting, cut, formula)
    after = pairs(
        workspace,
        seen,
        until=cut + horizon,
        since=cut,
        formula=formula,
    )
    known = np.zeros(seen.people.size, dtype=bool)
    known[before.pairs.giver] = True
    known[before.pairs.receiver] = True
    known |= before.posting.posts > 0
    acted = counted(after.receiver, known.size, after.free > 0)
    judged = counted(before.pairs.receiver, known.size) > 0
    return Hindsight(before, cut, known, judged, outcome(before, after, formula), acted)


def judge(
    workspace: Workspace, seen: Activity, before: Hindsight, earlier: Foretold | None, formula: Parameters
) -> Backtest | None:
    """Measure a forecast, and what others would rank by, against what happened.

    Parameters
    ----------
    workspace : Workspace
        Where to do the table work.
    seen : Activity
        The activity before the cut.
    before : Hindsight
        The forecast, and what happened.
    earlier : Foretold or None
        The bands of the judged that came with the forecast, where they are known.
    formula : Parameters
        The formula.

    Returns
    -------
    Backtest or None
        None where fewer than two people had received anything.
    """
    recent = latest(workspace, seen, since=before.cut - round(formula.horizon_days * DAY), until=before.cut)
    return held_against(
        cut=before.cut,
        horizon_days=formula.horizon_days,
        forecast=before.forecast,
        happened=before.happened,
        acted=before.acted,
        baselines=baselines(before.snapshot.pairs, recent, before.known.size),
        judged=before.judged,
        halves=bands_of_halves(
            before.forecast,
            before.happened,
            before.known,
            before.judged,
            wanted=formula.band_coverage,
            people=formula.band_people,
        ),
        earlier=earlier,
        wanted=formula.band_coverage,
    )


def outcome(before: Snapshot, after: Pairs, formula: Parameters) -> Floats:
    """Count who then acted, by the rule by which the forecast counted.

    Each giver who was free to act at least once counts once, with the trust, breadth, selectivity and exchange known
    at the moment of the forecast (strangers to it: no trust, narrow and selective), unvouched attention up to its caps,
    times credibility.

    Parameters
    ----------
    before : Snapshot
        What was known when the forecast was made.
    after : Pairs
        What each pair did since.
    formula : Parameters
        The formula of the forecast.

    Returns
    -------
    ndarray of float64, shape (n,)
        People.
    """
    size = before.trust.size
    giver, receiver = after.giver, after.receiver
    at = locate(before.pairs.giver * size + before.pairs.receiver, giver * size + receiver)
    met = at >= 0
    factor = np.ones(giver.size)
    factor[met] = before.exchange[at[met]]
    acted = np.zeros(giver.size)
    acted[met] = before.pairs.weight_calendar[at[met]]
    counted = (after.free > 0) * factor * before.selectivity[giver]
    broad = before.breadth.of(giver, receiver, acted)
    single = attention(counted, before.trust[giver], before.firm[giver], broad)
    return np.asarray(before.credibility * single.summed(receiver, size).counted(Caps.of(formula)).whole())
