"""The form of a formula's version: a field for each parameter that the engine knows."""

import re
from dataclasses import MISSING, fields
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from scoring.engine import InputError, Parameters
from scoring.models import Formula

PARAMETERS = tuple(field for field in fields(Parameters) if field.name != "version")
NAMES = [field.name for field in PARAMETERS]


class BaseFormulaForm(forms.ModelForm[Formula]):
    """Takes the parameters as fields and stores them as the engine's one value, which judges them."""

    class Meta:
        model = Formula
        fields = ["version", "note"]
        widgets = {"note": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial = {**values_of(self.instance), **self.initial}

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.errors:
            return data
        try:
            parameters = Parameters(version=data["version"], **{name: data[name] for name in NAMES})
        except InputError as error:
            # The engine's sentences begin with the parameter that they are about.
            named = next((word for word in re.findall(r"\w+", str(error)) if word in self.fields), None)
            self.add_error(named, str(error))
        else:
            self.instance.parameters = parameters.to_dict()
        return data

    def _post_clean(self) -> None:
        # Where the fields give no parameters, the model has none to judge.
        if not self.errors:
            super()._post_clean()  # type: ignore[misc]  # django-stubs leaves it out


def _field(parameter: Any) -> forms.Field:
    default = parameter.default if parameter.default is not MISSING else None
    widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})
    help_text = f"The engine's own: {default}"
    if isinstance(default, int) and not isinstance(default, bool):
        return forms.IntegerField(label=parameter.name, initial=default, help_text=help_text, widget=widget)
    if isinstance(default, float):
        return forms.FloatField(label=parameter.name, initial=default, help_text=help_text, widget=widget)
    return forms.JSONField(label=parameter.name, initial=default, help_text=help_text)


FormulaForm: type[BaseFormulaForm] = type(
    "FormulaForm", (BaseFormulaForm,), {parameter.name: _field(parameter) for parameter in PARAMETERS}
)


def values_of(formula: Formula) -> dict[str, Any]:
    """Return a stored formula's values of the parameters that this engine knows."""
    return {name: formula.parameters[name] for name in NAMES if name in formula.parameters}


def free_version(version: str) -> str:
    """Return a name for the next candidate made from a version: 2026-11 gives 2026-11-b, then -c, and so on."""
    stem = re.sub(r"-[b-z]$", "", version)[:37]
    taken = set(Formula.objects.filter(version__startswith=stem).values_list("version", flat=True))
    return next((name for letter in "bcdefghijklmnopqrstuvwxyz" if (name := f"{stem}-{letter}") not in taken), "")
