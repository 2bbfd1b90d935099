"""The stored versions of the formula, and which of them counts at a moment."""

import hashlib
import json
import logging
from datetime import datetime

from django.db import transaction

from scoring.actions.errors import ScoringError
from scoring.engine import EngineError, Parameters
from scoring.engine.parameters import BESIDE
from scoring.models import Activation, Formula

log = logging.getLogger(__name__)


def ensure_formula(now: datetime, *, as_of: datetime | None = None) -> Formula:
    """Return the formula of a run as of a moment (now, unless given); where there is none, store the engine's defaults.

    A version whose planned moment has come by then is made current first. A formula that is current stays so when the
    code's defaults change: which formula counts is decided in the database. Raises ScoringError if the defaults bear
    the version of a stored formula but differ from it.
    """
    moment = as_of or now
    _begin_planned(moment, now)
    return formula_at(moment) or _store_defaults(moment, now)


def formula_at(moment: datetime) -> Formula | None:
    """Return the formula that counts for a run as of a moment, None where none is current.

    That is the one last made current at that moment or before; for moments before the first, the first one. Where this
    engine can't compute it any more, the current one stands in. Nothing planned counts before a run has taken it up.
    """
    current = Formula.objects.filter(is_current=True).first()
    begun = Activation.objects.begun().select_related("formula").order_by("current_from")
    then = begun.filter(current_from__lte=moment).last() or begun.first()
    if current is None or then is None or not is_runnable(then.formula):
        return current
    return then.formula


@transaction.atomic
def _begin_planned(moment: datetime, now: datetime) -> None:
    """Make the planned version current if its moment has come. Of two at once one does it."""
    due = Activation.objects.planned().filter(current_from__lte=moment)
    planned = due.select_for_update(of=("self",)).select_related("formula").first()
    if planned is None:
        return
    if not is_runnable(planned.formula):
        log.error("formula %s was to begin, but this engine doesn't know its parameters", planned.formula.version)
        return
    planned.begun_at = now
    planned.save(update_fields=["begun_at"])
    _make_current(planned.formula)


def _make_current(formula: Formula) -> None:
    Formula.objects.filter(is_current=True).update(is_current=False)
    Formula.objects.filter(pk=formula.pk).update(is_current=True, is_shadow=False)
    formula.is_current, formula.is_shadow = True, False


@transaction.atomic
def _store_defaults(moment: datetime, now: datetime) -> Formula:
    parameters = Parameters()
    # Two who come at once: the second waits on the unique version, and finds what the first stored.
    formula, _ = Formula.objects.get_or_create(
        version=parameters.version,
        defaults={"parameters": parameters.to_dict(), "fingerprint": parameters.fingerprint(), "created_at": now},
    )
    if formula.fingerprint != parameters.fingerprint():
        raise ScoringError(
            f"the engine's parameters call themselves {parameters.version}, but differ from the formula stored so"
        )
    formula = Formula.objects.select_for_update().get(pk=formula.pk)
    if not formula.is_current:
        _make_current(formula)
        # The first of all counts for the days that are scored in hindsight too; one that takes another's place doesn't.
        since = now if Activation.objects.exists() else min(moment, now)
        Activation.objects.create(formula=formula, current_from=since, begun_at=now, made_at=now)
    return formula


def parameters_of(formula: Formula) -> Parameters:
    """Return a stored formula as the engine takes it.

    Raises ScoringError if its row was tampered with, and if it was stored by an engine that knew other parameters: what
    was learnt since has no value in it, and with a default it would be another definition under the same name.
    """
    # Over what is stored, as Parameters.fingerprint does it over what this engine knows.
    text = json.dumps(formula.parameters, sort_keys=True, separators=(",", ":"))
    if hashlib.sha256(text.encode()).hexdigest() != formula.fingerprint:
        raise ScoringError(f"formula {formula.version} isn't what was stored: its fingerprint differs")
    others = (formula.parameters.keys() ^ Parameters().to_dict().keys()) - BESIDE
    if others:
        raise ScoringError(
            f"formula {formula.version} is of an engine with other parameters ({', '.join(sorted(others))});"
            " copy it as a candidate in the admin, which gives it this engine's"
        )
    return Parameters.from_dict(formula.parameters)


def is_runnable(formula: Formula) -> bool:
    """Say whether this engine can compute a stored formula: an older one's parameters may be unknown to it."""
    try:
        parameters_of(formula)
    except (EngineError, ScoringError):
        return False
    return True
