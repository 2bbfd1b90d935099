"""Forms."""

from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account.forms import SignupForm
from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.actions.resting import DAYS_AHEAD, DAYS_BACK


class NewLoginForm(SignupForm):  # type: ignore[misc]  # allauth publishes no types
    """A new login for somebody who opened their invitation: what allauth's own form asks, in our words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for form_field in self.fields.values():
            form_field.widget.attrs.pop("placeholder", None)
        if "email" in self.fields:
            self.fields["email"].help_text = _("To get back in when you forget your password.")

    def clean(self) -> Any:
        cleaned = super().clean()
        # Where addresses are verified, allauth would answer by e-mail instead and make no login; here somebody waits.
        if self.account_already_exists:
            self.add_error("email", _("A login with this address exists: sign in with it, or leave this empty."))
        return cleaned


class RestForm(forms.Form):
    """Days off: what can be chosen is a hint, `accounts.actions.declare_rest` says what may be."""

    first_day = forms.DateField(label=_("First day off"))
    last_day = forms.DateField(label=_("Last day off"))

    def __init__(self, data: Any = None, *, now: datetime) -> None:
        super().__init__(data)
        today = now.astimezone(UTC).date()
        bounds = {
            "type": "date",
            "min": (today - timedelta(days=DAYS_BACK)).isoformat(),
            "max": (today + timedelta(days=DAYS_AHEAD)).isoformat(),
        }
        for field in self.fields.values():
            # The browser's own field wants ISO dates, whatever the language.
            field.widget = forms.DateInput(attrs=bounds, format="%Y-%m-%d")
