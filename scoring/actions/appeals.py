"""Appeals against what was taken off a forecast."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts.models import Person, User
from accounts.texts import plain_lines
from scoring.actions.errors import ScoringError
from scoring.models import Appeal, Score, ScoreRun


class AppealRefused(ScoringError):
    """The appeal can't be made or answered; says why."""


def appeal(*, person: Person, reason: str, text: str, by: User, now: datetime) -> Appeal:
    """Note a person's objection to what a reason takes off their forecast in the current run.

    Raises AppealRefused where the profile isn't theirs, nothing is taken off, the words are missing or too many, or an
    appeal against the same reason is waiting for its answer.
    """
    if person.user_id != by.pk:
        raise AppealRefused("Only whoever holds a profile can appeal for it.")
    text = plain_lines(text)
    most = Appeal._meta.get_field("text").max_length or 0
    if not text or len(text) > most:
        raise AppealRefused(f"Say in up to {most} characters what is wrong.")
    run = ScoreRun.objects.current()
    row = Score.objects.filter(person=person, run=run).first() if run else None
    people = getattr(row, f"taken_{reason}") if row and reason in Appeal.Reason.values else 0
    if run is None or people <= 0:
        raise AppealRefused("Nothing is taken off for this reason.")
    try:
        with transaction.atomic():
            return Appeal.objects.create(person=person, run=run, reason=reason, people=people, text=text, made_at=now)
    except IntegrityError as error:
        raise AppealRefused("Your appeal against this is waiting for its answer.") from error


def answer_appeal(appeal: Appeal, *, accepted: bool, answer: str, by: User, now: datetime) -> None:
    """Answer an open appeal, once. Raises AppealRefused without words, or where it was answered already."""
    if not answer.strip():
        raise AppealRefused("Give the person an answer in words.")
    if not by.has_perm("scoring.answer_appeal"):
        raise AppealRefused("Answering appeals takes a permission of its own.")
    state = Appeal.State.ACCEPTED if accepted else Appeal.State.REFUSED
    waiting = Appeal.objects.filter(pk=appeal.pk, state=Appeal.State.OPEN)
    if not waiting.update(state=state, answer=answer.strip(), answered_at=now, answered_by=by):
        raise AppealRefused("This appeal was answered already.")
