"""Work that a page waits for: a row says what is asked for, one worker claims it, does it, and says what came of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

from django.db import models, transaction
from django.db.models import Q

from accounts.models import Person

# Who claimed one longer ago has died with it.
CLAIM: Final = timedelta(minutes=15)
_BROKEN: Final = "Something went wrong. The operator finds it in the log; ask again after that."

# Writes what came of a row, unless somebody else took the claim over; says whether it did.
Finish = Callable[..., bool]


@dataclass(frozen=True, slots=True)
class Work:
    """Rows of one kind to be worked off.

    `rows` are all of them, with the columns state, claimed_at, finished_at and error; a row waits, is being worked on
    (`doing`), and ends as `failed` or as `keep` says. `work_out` is given a row, at a moment, and what it returns is
    given to `keep`, in a transaction, with what finishes the row. Errors of the kinds `refusals` are sentences for
    whoever asked.
    """

    rows: models.QuerySet[Any]
    waiting: str
    doing: str
    failed: str
    refusals: tuple[type[Exception], ...]
    work_out: Callable[[Any, datetime], Any]
    keep: Callable[[Any, Any, Finish], None]

    def all(self, *, now: datetime) -> int:
        """Do what was asked for and what nobody else is doing; return how many rows that were."""
        return sum(self.one(pk=pk, now=now) for pk in self._claimable(now).order_by("pk").values_list("pk", flat=True))

    def one(self, *, pk: int, now: datetime) -> bool:
        """Do one; return whether it was to be done.

        Any number of processes may try: a row is claimed by a conditional update. One whose worker was killed is
        claimed again after a quarter of an hour.
        """
        claim = {"state": self.doing, "claimed_at": now}
        if not self._claimable(now).filter(pk=pk).update(**claim):
            return False
        began = monotonic()

        def finish(**values: Any) -> bool:
            at = now + timedelta(seconds=monotonic() - began)
            return bool(self.rows.filter(pk=pk, **claim).update(finished_at=at, **values))

        row = self.rows.select_related("campaign", "asked_by").get(pk=pk)
        try:
            found = self.work_out(row, now)
        except self.refusals as error:
            finish(state=self.failed, error=str(error)[:500])
        except Exception:  # whatever it was, it is raised again; but a page waits for the row, as long as a claim holds
            finish(state=self.failed, error=_BROKEN)
            raise
        else:
            with transaction.atomic():
                self.keep(row, found, finish)
        return True

    def _claimable(self, now: datetime) -> models.QuerySet[Any]:
        given_up = Q(state=self.doing, claimed_at__lt=now - CLAIM)
        return self.rows.filter(Q(state=self.waiting) | given_up)


def still_there(people: Iterable[int]) -> set[int]:
    """Return those people who weren't erased while something was worked out; who is being erased waits for its end."""
    rows = Person.objects.filter(pk__in=list(people)).order_by("pk").select_for_update(no_key=True)
    return set(rows.values_list("pk", flat=True))
