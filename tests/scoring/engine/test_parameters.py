"""The formula's parameters: what is refused, and what identifies them."""

import json
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from scoring.engine import InputError, Parameters


def test_round_trip_through_json_keeps_value_and_fingerprint() -> None:
    formula = Parameters(version="2027-01", half_life_days=14, kappa=0.25)

    stored = json.loads(json.dumps(formula.to_dict()))

    assert Parameters.from_dict(stored) == formula
    assert Parameters.from_dict(stored).fingerprint() == formula.fingerprint()


def test_missing_names_keep_their_default() -> None:
    assert Parameters.from_dict({"kappa": 0.2}) == Parameters(kappa=0.2)


@pytest.mark.parametrize("name", [name for name in Parameters().to_dict() if name not in ("version", "supports_kept")])
def test_every_number_is_part_of_the_fingerprint(name: str) -> None:
    value = Parameters().to_dict()[name]
    other = value + 1 if isinstance(value, int) else value * 0.99 or 0.01

    assert Parameters.from_dict({name: other}).fingerprint() != Parameters().fingerprint()


def test_whole_and_decimal_writing_of_a_number_are_the_same_formula() -> None:
    assert Parameters(half_life_days=14).fingerprint() == Parameters(half_life_days=14.0).fingerprint()
    assert Parameters(walk_iterations=200.0) == Parameters(walk_iterations=200)  # type: ignore[arg-type]  # from JSON


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kapa": 0.3}, "unknown parameter 'kapa'; did you mean 'kappa'?"),
        ({"zzz": 1}, "unknown parameter 'zzz'; known are version, half_life_days"),
        ({"half_life_days": 0}, "half_life_days is 0; give a number from 0.01 to 3650"),
        ({"half_life_days": float("nan")}, "half_life_days is nan; give a number"),
        ({"half_life_days": "30"}, "half_life_days is '30'; give a number"),
        ({"half_life_days": True}, "half_life_days is True; give a number"),
        ({"damping": 1}, "damping is 1; give a number from 0 to 0.999"),
        ({"walk_iterations": 1.5}, "walk_iterations is 1.5; give a whole number"),
        ({"version": ""}, "version is ''; give the formula a name"),
        ({"exchange_from": 0.5}, "exchange_from is 0.5 and exchange_to 0.5; the discount must begin below"),
    ],
)
def test_refusals_say_what_to_do(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as refusal:
        Parameters.from_dict(values)

    assert str(refusal.value).startswith(message)
    assert isinstance(refusal.value, ValueError)


def test_parameters_are_immutable() -> None:
    with pytest.raises(FrozenInstanceError):
        Parameters().kappa = 1.0  # type: ignore[misc]  # that it fails is the point
