"""Who did what for a brand: lines that are added, and never changed or deleted."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import User, Viewer
from campaigns.models.brands import Brand, brands_managed_by
from campaigns.models.campaigns import Campaign


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep what was done for the brands that the user owns or manages."""
        if user.is_superuser:
            return self.all()
        return self.filter(brand__in=brands_managed_by(user).values("brand"))


class AuditEntry(models.Model):
    """What somebody did for a brand, written in the transaction that did it.

    It names no influencer, not even by an id: numbers of people, of groups and of codes, so that whoever is erased
    leaves nothing here. The database refuses to change or delete a line (migration 0011); with a brand, a campaign or a
    login that goes the line forgets which it was.
    """

    class Kind(models.TextChoices):
        BRAND_CHANGED = "brand_changed", "brand settings changed"
        MEMBER_ADDED = "member_added"
        MEMBER_INVITED = "member_invited", "colleague invited"
        MEMBER_UNINVITED = "member_uninvited", "colleague's invitation taken back"
        MEMBER_CHANGED = "member_changed"
        MEMBER_REMOVED = "member_removed"
        CAMPAIGN_CREATED = "campaign_created"
        CAMPAIGN_CHANGED = "campaign_changed"
        GROUP_ASKED = "group_asked", "group asked for"
        GROUP_SENT = "group_sent", "group sent for approval"
        GROUP_APPROVED = "group_approved"
        GROUP_SENT_BACK = "group_sent_back"
        SHORTLISTED = "shortlisted"
        INVITED = "invited"
        CODES_ADDED = "codes_added"
        CODE_REDEEMED = "code_redeemed"
        CODE_REVOKED = "code_revoked"
        CODE_TAKEN_BACK = "code_taken_back"
        EXPORTED = "exported"

    # No caller says when: it is the moment of the writing, by the database's clock.
    at = models.DateTimeField(db_default=Now())
    brand = models.ForeignKey(Brand, models.SET_NULL, null=True, related_name="+", db_index=False)
    campaign = models.ForeignKey(Campaign, models.SET_NULL, null=True, related_name="+")
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    member = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    what = models.CharField(max_length=500, blank=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        verbose_name = "line of the audit trail"
        verbose_name_plural = "lines of the audit trail"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        *("brand_changed", "member_added", "member_changed", "member_removed"),
                        *("member_invited", "member_uninvited"),
                        *("campaign_created", "campaign_changed"),
                        *("group_asked", "group_sent", "group_approved", "group_sent_back"),
                        *("shortlisted", "invited", "exported"),
                        *("codes_added", "code_redeemed", "code_revoked", "code_taken_back"),
                    ]
                ),
                name="audit_kind_is_known",
            )
        ]
        indexes = [models.Index(fields=["brand", "-id"], name="audit_of_brand")]

    def __str__(self) -> str:
        return f"{self.pk}: {self.kind} for {self.brand_id}"
