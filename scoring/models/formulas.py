"""Versions of the formula, and from when on each is the current one."""

from typing import Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User


class FormulaQuerySet(models.QuerySet["Formula"]):
    def shadows(self) -> Self:
        """Keep the versions that are asked to run beside the current one."""
        return self.filter(is_shadow=True)


class Formula(models.Model):
    """A version of the score's parameters. Never changed once a run has used it.

    Which version counts is one flag, `is_current`; from when on, and who said so, is the ledger of `Activation`.
    """

    version = models.CharField(max_length=40, unique=True)
    parameters = models.JSONField(help_text="As scoring.engine.Parameters.to_dict() gives them.")
    fingerprint = models.CharField(max_length=64, editable=False)
    note = models.TextField(blank=True, help_text="What this version changes, and why.")
    is_current = models.BooleanField("current", default=False)
    is_shadow = models.BooleanField(
        "in shadow", default=False, help_text="Computed each night beside the current one, for nobody but the admin."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = FormulaQuerySet.as_manager()

    class Meta:
        permissions = [("activate_formula", "Can say from when on a formula is the current one")]
        constraints = [
            models.UniqueConstraint(fields=["is_current"], condition=Q(is_current=True), name="formula_one_current"),
            models.CheckConstraint(condition=~Q(is_current=True, is_shadow=True), name="formula_current_is_no_shadow"),
        ]

    def __str__(self) -> str:
        return self.version

    def clean(self) -> None:
        # The engine and its libraries take a second to load: not in every process that only reads rows.
        from scoring.engine import InputError, Parameters

        if not isinstance(self.parameters, dict):
            raise ValidationError({"parameters": "Give one JSON object: names of parameters and their numbers."})
        try:
            parameters = Parameters.from_dict(self.parameters | {"version": self.version})
        except InputError as error:
            raise ValidationError({"parameters": str(error)}) from error
        self.parameters = parameters.to_dict()
        self.fingerprint = parameters.fingerprint()


class ActivationQuerySet(models.QuerySet["Activation"]):
    def begun(self) -> Self:
        return self.filter(begun_at__isnull=False)

    def planned(self) -> Self:
        """Keep the one, if any, that waits for its date."""
        return self.filter(begun_at__isnull=True)


class Activation(models.Model):
    """That a formula is the current one from a moment on: until the next row's moment. A ledger, never changed.

    Planned until the first run as of that moment or a later one takes the formula up (`begun_at`); until then it can be
    withdrawn. The same formula can come back by a row of its own.
    """

    formula = models.ForeignKey(Formula, models.PROTECT, related_name="activations")
    current_from = models.DateTimeField(unique=True, help_text="Runs as of this moment and later ones use the formula.")
    begun_at = models.DateTimeField(null=True, blank=True, help_text="When a run first took it up.")
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", help_text="Empty where the program did it."
    )
    note = models.TextField(blank=True, help_text="What changes and why, as the public page says it.")
    unseen = models.BooleanField(default=False, help_text="Nobody could see before whom it moves: it ran in no shadow.")

    objects = ActivationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["begun_at"],
                condition=Q(begun_at__isnull=True),
                nulls_distinct=False,
                name="activation_one_planned",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.formula_id} from {self.current_from:%Y-%m-%d %H:%M}"
