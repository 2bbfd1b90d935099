"""Logins, people, their identities on networks, and API keys."""

import re
from typing import Self

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Lower, Substr
from django.utils import timezone

from accounts.models.merges import FollowsMerge
from accounts.models.places import Place
from accounts.purposes import LONGEST

Viewer = AbstractUser | AnonymousUser

NETWORK_SLUG = r"^[a-z0-9][a-z0-9_-]{0,49}$"
# Braces stand around the two placeholders and nowhere else, or filling them in would fail.
PROFILE_URL = r"^https?://[^{}\s]*(?:\{(?:handle|id)\}[^{}\s]*)+$"
# What no handle may hold: control characters anywhere, spaces of any width at its ends. Intake's rule, in PostgreSQL's
# spelling and without its classes, which depend on the locale.
_SPACE = r"[\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
UNFIT_IN_HANDLE = rf"[\u0001-\u001f\u007f-\u009f]|^{_SPACE}|{_SPACE}$"
_UNFIT_MESSAGE = "A handle is part of an address: no line breaks or other control characters, no spaces at its ends."


class User(AbstractUser):
    """A login. API keys act as a login of their own that can't sign in (`is_service`)."""

    is_service = models.BooleanField("service user", default=False, help_text="Acts for an API key; can't sign in.")

    class Meta(AbstractUser.Meta):
        constraints = [
            # Django writes "!" and noise where nobody knows the password.
            models.CheckConstraint(
                condition=Q(is_service=False) | Q(("password", "")) | Q(("password__startswith", "!")),
                name="user_service_has_no_password",
            ),
            models.CheckConstraint(
                condition=Q(is_service=False) | Q(is_superuser=False), name="user_service_is_no_superuser"
            ),
        ]

    def __str__(self) -> str:
        return self.username


class Network(models.Model):
    """Anything with accounts that act on each other's posts. A website is an account of the network `web`."""

    slug = models.SlugField(
        primary_key=True,
        max_length=50,
        validators=[RegexValidator(NETWORK_SLUG, "Lower-case letters, digits, - and _, the first one no sign.")],
    )
    name = models.CharField(max_length=80)
    profile_url = models.CharField(
        max_length=200,
        blank=True,
        validators=[
            RegexValidator(PROFILE_URL, "An address from https:// on, with {handle} or {id} in it and no other braces.")
        ],
        help_text="Where a profile is, with {handle} or {id}; empty where there is no such page.",
    )
    texts_kept_days = models.PositiveSmallIntegerField(
        "keep texts for (days)",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Texts of older posts are deleted; the posts still count. Empty: texts stay. The score compares the "
        "texts of 28 days, and topics are found in texts.",
    )

    objects = models.Manager()

    class Meta:
        # Keys are made from it, and readers write it so.
        constraints = [
            models.CheckConstraint(condition=Q(slug__regex=NETWORK_SLUG), name="network_slug_plain"),
            models.CheckConstraint(
                condition=Q(texts_kept_days__isnull=True) | Q(texts_kept_days__gte=1), name="network_texts_kept_a_day"
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class PersonQuerySet(models.QuerySet["Person"]):
    def visible_to(self, user: Viewer) -> Self:
        """Keep the people whom this user may see; the one rule for admin, pages and API.

        Nobody sees whoever was merged into somebody else: they are seen there. Operators see all others. Brands and
        partners (permission `accounts.view_person`) see all who didn't hide. Others see people who claimed their
        profile and didn't hide; everyone sees themselves.
        """
        people = self.unmerged()
        if user.is_superuser:
            return people
        shown = Q(is_hidden=False)
        if not user.has_perm("accounts.view_person"):
            shown &= Q(user__isnull=False)
        if user.is_authenticated:
            shown |= Q(user_id=user.pk)
        return people.filter(shown)

    def unmerged(self) -> Self:
        """Keep those who stand for themselves."""
        return self.filter(merged_into__isnull=True)

    def claimed(self) -> Self:
        return self.filter(user__isnull=False)

    def near(self, latitude: float, longitude: float, radius_km: float) -> Self:
        """Keep people whose city is within the circle."""
        return self.filter(place__in=Place.objects.within(latitude, longitude, radius_km))


class Person(models.Model):
    """Somebody seen in the activity, known by one or more identities.

    A person exists as soon as activity or a profile names one of their identities, and has no login until they claim
    it.
    """

    class ClaimedVia(models.TextChoices):
        INVITATION = "invitation", "a personal invitation link"
        OPERATOR = "operator", "an operator"

    # Room for an account's id and its network, and an address that every web server takes.
    handle = models.CharField(max_length=320, help_text="Unique, case aside: the address of the profile page.")
    name = models.CharField(max_length=255, blank=True)
    bio = models.TextField(blank=True)
    location = models.CharField(max_length=255, blank=True, help_text="As written in the profile.")
    # Their own indexes, below, leave out who has none: nearly everybody.
    place = models.ForeignKey(Place, models.SET_NULL, null=True, blank=True, db_index=False, related_name="people")
    email = models.EmailField(blank=True, help_text="Where invitations go; empty where unknown.")
    user = models.OneToOneField(User, models.SET_NULL, null=True, blank=True, related_name="person")
    claimed_at = models.DateTimeField(null=True, blank=True)
    claimed_via = models.CharField(max_length=20, choices=ClaimedVia, blank=True)
    is_hidden = models.BooleanField("hidden", default=False, help_text="Shown to nobody but the person and operators.")
    is_seed = models.BooleanField(
        "trusted",
        default=False,
        help_text="An operator vouches for this person: trust starts here in the next run.",
    )
    merged_into = models.ForeignKey(
        "self",
        models.CASCADE,
        null=True,
        blank=True,
        editable=False,
        db_index=False,
        related_name="absorbed",
        help_text="Who this person turned out to be; the ledger of `Merge` says since when.",
    )
    regrouped_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When identities last came or went by an operator's word: runs that began later know it.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = PersonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "people"
        indexes = [
            models.Index(fields=["place"], name="person_place", condition=Q(place__isnull=False)),
            models.Index(fields=["merged_into"], name="person_merged_into", condition=Q(merged_into__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(Lower("handle"), name="person_handle_unique"),
            models.CheckConstraint(condition=~Q(handle=""), name="person_has_handle"),
            models.CheckConstraint(
                condition=~Q(handle__regex=UNFIT_IN_HANDLE),
                name="person_handle_fits_address",
                violation_error_message=_UNFIT_MESSAGE,
            ),
            models.CheckConstraint(
                condition=Q(claimed_at__isnull=True, claimed_via="")
                | (Q(claimed_at__isnull=False) & ~Q(claimed_via="")),
                name="person_claimed_at_and_via",
            ),
            models.CheckConstraint(
                condition=Q(user__isnull=True) | Q(claimed_at__isnull=False), name="person_user_means_claimed"
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | (Q(user__isnull=True) & ~Q(merged_into=F("id"))),
                name="person_merged_has_no_login",
            ),
        ]

    def __str__(self) -> str:
        return self.handle

    @property
    def display_name(self) -> str:
        return self.name or f"@{self.handle}"


class IdentityQuerySet(FollowsMerge["Identity"]):
    def accounts(self) -> Self:
        """Leave out ids that were made from a handle and stand for an account that is there too."""
        known = Identity.objects.annotate(_handle=Lower("handle")).filter(
            person=OuterRef("person"), network=OuterRef("network"), _handle=Substr(OuterRef("external_id"), 2)
        )
        made = Q(external_id__startswith="@") & Exists(known.exclude(external_id__startswith="@"))
        return self.filter(~made, alias_of=None)


class Identity(models.Model):
    """An account on a network; `key` is `accounts.keys.account_key(network, external_id)`."""

    key = models.BigIntegerField(primary_key=True)
    # No index of its own: those below begin with it, and each costs every new account its share.
    network = models.ForeignKey(Network, models.PROTECT, db_index=False, related_name="identities")
    external_id = models.CharField(max_length=500)
    handle = models.CharField(max_length=255, blank=True)
    person = models.ForeignKey(Person, models.CASCADE, related_name="identities")
    name = models.CharField(max_length=255, blank=True)
    bio = models.TextField(blank=True)
    location = models.CharField(max_length=255, blank=True)
    website = models.CharField(max_length=500, blank=True)
    website_host = models.CharField(
        max_length=255,
        blank=True,
        editable=False,
        help_text="The website's host where it can be somebody's own: not of a shared host, nor of a shortener.",
    )
    followers = models.BigIntegerField(null=True, blank=True, help_text="Shown beside the score; never enters it.")
    following = models.BigIntegerField(null=True, blank=True)
    verified = models.BooleanField(
        default=False, help_text="The network says that this account is who it claims to be."
    )
    created_at = models.DateTimeField(
        null=True, blank=True, help_text="When the account was opened, as its network says."
    )
    proved_at = models.DateTimeField(
        null=True, blank=True, help_text="When its owner proved to us that it is theirs; trust starts here."
    )

    alias_of = models.ForeignKey(
        "self",
        models.CASCADE,
        null=True,
        blank=True,
        editable=False,
        db_index=False,  # its own, below, leaves out all others
        related_name="aliases",
        help_text="Only of an id made from a handle (@handle): rows that name it are taken as this account's.",
    )

    objects = IdentityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["network", "external_id"], name="identity_unique"),
            models.CheckConstraint(condition=~Q(external_id=""), name="identity_has_id"),
            models.CheckConstraint(
                condition=~Q(handle__regex=UNFIT_IN_HANDLE),
                name="identity_handle_fits_address",
                violation_error_message=_UNFIT_MESSAGE,
            ),
            models.CheckConstraint(
                condition=Q(followers__isnull=True) | Q(followers__gte=0),
                name="identity_followers_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(alias_of__isnull=True) | (Q(external_id__startswith="@") & ~Q(alias_of=F("key"))),
                name="identity_alias_is_a_handle",
            ),
        ]
        indexes = [
            models.Index(F("network"), Lower("handle"), name="identity_handle"),
            models.Index(fields=["alias_of"], name="identity_alias_of", condition=Q(alias_of__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.handle or self.external_id}@{self.network_id}"

    @property
    def url(self) -> str:
        """The profile's address on its network; an empty text where none is known, or what was stored can be none."""
        if self.network_id == "web":
            return f"https://{self.external_id}/"
        if not re.search(PROFILE_URL, self.network.profile_url):
            return ""
        return self.network.profile_url.format(handle=self.handle or self.external_id, id=self.external_id)


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def live(self) -> Self:
        """Keep the keys that open: of a login that may sign in, or have all rights, none does."""
        return self.filter(revoked_at__isnull=True, user__is_active=True, user__is_service=True)


class ApiKey(models.Model):
    """A partner's key: `sway_<prefix>_<secret>`, of which only the prefix and a hash are kept."""

    name = models.CharField(max_length=80)
    purpose = models.TextField(
        "what scores are used for",
        max_length=LONGEST,
        blank=True,
        help_text="In writing, and for this alone. Empty: the key is of before that was asked.",
    )
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the whole key.")
    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys", help_text="The service user it acts as.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
