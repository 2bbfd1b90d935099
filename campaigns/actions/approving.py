"""A second person's approval of a group: asked for by who had it chosen, given or refused by somebody else."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.texts import plain_lines
from campaigns.actions.auditing import Kind, record, record_for
from campaigns.actions.errors import ApprovalRefused, NotYours
from campaigns.models import Approval, Brand, Campaign, Selection

Answer = Approval.Answer


@transaction.atomic
def ask_for_approval(*, selection: Selection, by: User, now: datetime) -> Approval:
    """Send a chosen group to the brand's other managers and owners. Asking twice is asking once.

    Who had it chosen sends it, and nobody else: so the one who may not answer is both, and no two can pass a group
    between them that one of them made alone.

    Raises
    ------
    NotYours
        The campaign isn't one of the user's.
    ApprovalRefused
        Nobody is in the group, or somebody else had it chosen.
    """
    _managed(selection, by)
    selection.refresh_from_db(fields=["state", "asked_by"])
    if selection.state != Selection.State.DONE or not selection.people.exists():
        raise ApprovalRefused("There is nobody in this group to approve.")
    if selection.asked_by_id != by.pk:
        raise ApprovalRefused("Only who had this group chosen sends it for approval. Choose it again to send your own.")
    approval, is_new = Approval.objects.get_or_create(selection=selection, defaults={"asked_at": now, "asked_by": by})
    if is_new:
        record_for(Kind.GROUP_SENT, selection.campaign, by, f"group {selection.pk}")
    return approval


@transaction.atomic
def approve(*, selection: Selection, by: User, now: datetime) -> None:
    """Approve a group that waits for it.

    Of any number of people at once one approves; the others are told who did. Raises NotYours, and ApprovalRefused for
    who asked, and where it isn't waiting.
    """
    _answer(selection, Answer.APPROVED, "", by, now)


@transaction.atomic
def send_back(*, selection: Selection, remark: str, by: User, now: datetime) -> None:
    """Refuse a group, saying why: another one has to be chosen. Raises as `approve` does, and without a remark."""
    remark = plain_lines(remark)
    if not remark:
        raise ApprovalRefused("Say what should be different.")
    if len(remark) > 1_000:
        raise ApprovalRefused("The remark has more than 1,000 characters.")
    _answer(selection, Answer.SENT_BACK, remark, by, now)


@transaction.atomic
def set_approval_required(*, brand: Brand, required: bool, by: User) -> None:
    """Say whether a brand's groups need approval before anybody is shortlisted with them, or invited. For owners.

    Raises NotYours.
    """
    if not Brand.objects.owned_by(by).filter(pk=brand.pk).update(approval_required=required):
        raise NotYours("Only an owner of the brand may change its settings.")
    record(Kind.BRAND_CHANGED, brand=brand.pk, by=by, what=f"groups need approval: {'yes' if required else 'no'}")
    brand.approval_required = required


def _answer(selection: Selection, answer: Approval.Answer, remark: str, by: User, now: datetime) -> None:
    _managed(selection, by)
    waiting = Approval.objects.filter(selection=selection, answer=Answer.WAITING).exclude(asked_by=by)
    if waiting.update(answer=answer, remark=remark, answered_at=now, answered_by=by):
        kind = Kind.GROUP_APPROVED if answer == Answer.APPROVED else Kind.GROUP_SENT_BACK
        record_for(kind, selection.campaign, by, f"group {selection.pk}")
        return
    approval = Approval.objects.filter(selection=selection).select_related("answered_by").first()
    if approval is None:
        raise ApprovalRefused("This group wasn't sent for approval.")
    if approval.answer == Answer.WAITING:
        raise ApprovalRefused("You asked for this group: somebody else has to approve it.")
    who = approval.answered_by or "somebody who is gone"
    raise ApprovalRefused(f"It was {approval.get_answer_display().lower()} already, by {who}.")


def _managed(selection: Selection, by: User) -> None:
    if not Campaign.objects.managed_by(by).filter(pk=selection.campaign_id).exists():
        raise NotYours("This group isn't one of your brand's.")
