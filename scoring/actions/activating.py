"""What is decided about a version of the formula: to run in shadow, to be the current one from a date on."""

import logging
from datetime import UTC, datetime
from typing import Final

from django.db import IntegrityError, transaction

from accounts.models import User
from scoring import comparison
from scoring.actions.errors import ScoringError
from scoring.actions.formulas import is_runnable
from scoring.models import Activation, Formula, ScoreRun

log = logging.getLogger(__name__)

# Each costs what the night costs.
MOST_SHADOWS: Final = 3


class FormulaRefused(ScoringError):
    """What was asked for a formula can't be; the message says why, for whoever asked."""


@transaction.atomic
def set_shadow(*, formula: Formula, on: bool, by: User) -> None:
    """Ask for a version to be computed each night beside the current one, or end that.

    What its runs gave stays for a few nights. Raises FormulaRefused for the current version, for one that this engine
    can't compute, and for more than `MOST_SHADOWS` at once.
    """
    if not by.has_perm("scoring.change_formula"):
        raise FormulaRefused("You may not change formulas.")
    # One at a time, so that the others are counted.
    stored = list(Formula.objects.select_for_update().order_by("pk"))
    formula = next(other for other in stored if other.pk == formula.pk)
    if on and formula.is_current:
        raise FormulaRefused(f"{formula.version} is the current formula: it is computed each night anyway.")
    if on and not is_runnable(formula):
        raise FormulaRefused(f"This engine doesn't know all parameters of {formula.version}: it can't be computed.")
    if on and sum(other.is_shadow for other in stored if other != formula) >= MOST_SHADOWS:
        raise FormulaRefused(f"{MOST_SHADOWS} formulas run in shadow already; each costs as much as the night's run.")
    Formula.objects.filter(pk=formula.pk).update(is_shadow=on)
    log.info("formula %s: shadow %s by user %s", formula.version, "on" if on else "off", by.pk)


def earliest_start() -> datetime | None:
    """Return the moment after which a version can begin: what readers saw isn't made anew. None before any run."""
    run = ScoreRun.objects.done().filter(is_shadow=False).order_by("-as_of").first()
    begun = Activation.objects.begun().order_by("-current_from").first()
    moments = [run.as_of] if run else []
    moments += [begun.current_from] if begun else []
    return max(moments, default=None)


@transaction.atomic
def activate_formula(
    *, formula: Formula, current_from: datetime, note: str, by: User, now: datetime, unseen: bool = False
) -> Activation:
    """Say that a version is the current one from a moment on. The first run as of then or later takes it up.

    Earlier scores stay as they are. `unseen` does without a shadow run, and is noted.

    Raises
    ------
    FormulaRefused
        Without the permission `scoring.activate_formula`; without a note; for the current version; for one that this
        engine can't compute; where another waits for its date; for a moment that a run readers saw has reached; and
        where no run in shadow shows whom it moves, unless `unseen`.
    """
    if not by.has_perm("scoring.activate_formula"):
        raise FormulaRefused("You may not say which formula is current.")
    if not note.strip():
        raise FormulaRefused("Say what changes and why: the public page shows it.")
    formula = Formula.objects.select_for_update().get(pk=formula.pk)
    if formula.is_current:
        raise FormulaRefused(f"{formula.version} is the current formula already.")
    if not is_runnable(formula):
        raise FormulaRefused(f"This engine doesn't know all parameters of {formula.version}: it can't be computed.")
    planned = Activation.objects.planned().select_related("formula").first()
    if planned is not None:
        raise FormulaRefused(
            f"{planned.formula.version} is to begin on {planned.current_from:%-d %B %Y}: withdraw that first."
        )
    earliest = earliest_start()
    if earliest is not None and current_from <= earliest:
        raise FormulaRefused(
            f"Scores up to {earliest.astimezone(UTC):%-d %B %Y, %H:%M} UTC are published and stay: choose a later date."
        )
    if not unseen and comparison.newest_pair(formula) is None:
        raise FormulaRefused("No run in shadow shows yet whom it moves: let it run beside the current one for a night.")
    try:
        with transaction.atomic():
            made = Activation.objects.create(
                formula=formula, current_from=current_from, made_at=now, made_by=by, note=note.strip(), unseen=unseen
            )
    except IntegrityError as error:
        raise FormulaRefused("Somebody else has just made a formula current. Look again.") from error
    log.info("formula %s current from %s by user %s", formula.version, current_from.isoformat(), by.pk)
    return made


def withdraw_activation(*, formula: Formula, by: User) -> bool:
    """Take back that a version is to become current; return whether it was planned and hadn't begun."""
    if not by.has_perm("scoring.activate_formula"):
        raise FormulaRefused("You may not say which formula is current.")
    withdrawn, _ = Activation.objects.planned().filter(formula=formula).delete()
    if withdrawn:
        log.info("formula %s isn't to become current, by user %s", formula.version, by.pk)
    return bool(withdrawn)
