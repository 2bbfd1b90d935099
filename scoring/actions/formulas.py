"""The stored versions of the formula."""

import hashlib
import json
from datetime import datetime

from django.db import transaction

from scoring.actions.errors import ScoringError
from scoring.engine import Parameters
from scoring.models import Formula


def ensure_formula(now: datetime) -> Formula:
    """Return the current formula; where there is none, store the engine's defaults and make them current.

    A formula that is current stays so when the code's defaults change: which formula counts is decided in the database.
    Raises ScoringError if the defaults bear the version of a stored formula but differ from it.
    """
    current = Formula.objects.filter(is_current=True).first()
    if current is not None:
        return current
    parameters = Parameters()
    with transaction.atomic():
        # Two who come at once: the second waits on the unique version, and finds what the first stored.
        formula, _ = Formula.objects.get_or_create(
            version=parameters.version,
            defaults={
                "parameters": parameters.to_dict(),
                "fingerprint": parameters.fingerprint(),
                "is_current": True,
                "created_at": now,
            },
        )
        if formula.fingerprint != parameters.fingerprint():
            raise ScoringError(
                f"the engine's parameters call themselves {parameters.version}, but differ from the formula stored so"
            )
        if not formula.is_current:
            Formula.objects.filter(pk=formula.pk).update(is_current=True)
            formula.is_current = True
    return formula


def parameters_of(formula: Formula) -> Parameters:
    """Return a stored formula as the engine takes it; raise ScoringError if its row was tampered with.

    Parameters that the engine has learnt since it was stored take their default.
    """
    # Over what is stored, as Parameters.fingerprint does it over what this engine knows.
    text = json.dumps(formula.parameters, sort_keys=True, separators=(",", ":"))
    if hashlib.sha256(text.encode()).hexdigest() != formula.fingerprint:
        raise ScoringError(f"formula {formula.version} isn't what was stored: its fingerprint differs")
    return Parameters.from_dict(formula.parameters)
