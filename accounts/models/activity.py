"""Recent activity, and the manifest of the activity log."""

from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.log import WrittenFile
from accounts.models.people import Identity, Network, User


class InteractionKind(models.TextChoices):
    LIKE = "like"
    REPLY = "reply"
    REPOST = "repost"
    QUOTE = "quote"
    MENTION = "mention"
    LINK = "link"
    CLICK = "click"
    FOLLOW = "follow"


class LogFileQuerySet(models.QuerySet["LogFile"]):
    def live(self) -> Self:
        """Keep the files whose rows count."""
        return self.filter(replaced_at__isnull=True)


class LogFile(models.Model):
    """One file of the activity log: the manifest. A file without a row here doesn't exist for any reader.

    A file never changes. Where its rows are written anew, with others or without some, the new file takes its place;
    the old one stays a while for whoever is reading it.
    """

    class Table(models.TextChoices):
        INTERACTIONS = "interactions"
        POSTS = "posts"

    table = models.CharField(max_length=20, choices=Table)
    day = models.DateField()
    path = models.CharField(max_length=255, unique=True, help_text="Below the log's folder.")
    rows = models.PositiveBigIntegerField()
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    sha256 = models.CharField(max_length=64)
    texts = models.JSONField(
        null=True, editable=False, help_text="Networks of which it holds texts of posts; null where nobody looked."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # Numbers rise in the order of commits, as seen by whoever holds the lock of the log. A file that took over rows of
    # others has the highest of theirs.
    added = models.PositiveBigIntegerField(editable=False, help_text="When rows were last added, as a rising number.")
    replaced_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Since when other files hold what of its rows still counts."
    )

    objects = LogFileQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["table", "day"], name="logfile_table_day")]
        constraints = [models.CheckConstraint(condition=Q(rows__gt=0), name="logfile_not_empty")]

    def __str__(self) -> str:
        return self.path

    def as_written(self) -> WrittenFile:
        """Return what the log was told of the file."""
        return WrittenFile(self.path, self.rows, self.size, self.sha256, tuple(self.texts or ()))


class ErasedAccount(models.Model):
    """A tombstone: nothing that this account did, received or wrote is read or taken in any more.

    The key is a hash of network and id, all that is kept of whoever was erased. It stays: else the next import would
    bring them back.
    """

    key = models.BigIntegerField(primary_key=True)
    erased_at = models.DateTimeField()
    is_handle = models.BooleanField(
        default=False, help_text="Known by a handle alone: the account that turns out to have it is meant."
    )
    # Before it is set the log's files may still hold rows of the account, which readers leave out.
    rewritten_at = models.DateTimeField(null=True, help_text="Since when no file of the log holds the account's rows.")

    objects = models.Manager()

    class Meta:
        permissions = [("erase_people", "Can erase people for good")]
        constraints = [
            models.CheckConstraint(
                condition=Q(rewritten_at__isnull=True) | Q(rewritten_at__gte=models.F("erased_at")),
                name="erased_before_rewritten",
            )
        ]
        indexes = [
            models.Index(fields=["erased_at"], name="erased_pending", condition=Q(rewritten_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return str(self.key)


class ActivityQuerySet(models.QuerySet["Activity"]):
    def not_in_log(self) -> Self:
        return self.filter(log_file__isnull=True)


class Activity(models.Model):
    """A recent interaction, as operators see it in the admin and add it there by hand.

    It is moved to the activity log in batches and stays some days as a view: `log_file` says where it went. An event is
    (network, kind, actor, target, post, second); the database keeps one of each. Where the log had the event already,
    by a bulk import, `log_file` is the newest of that day.
    """

    at = models.DateTimeField()
    network = models.ForeignKey(Network, models.PROTECT)
    kind = models.CharField(max_length=10, choices=InteractionKind)
    actor = models.ForeignKey(Identity, models.CASCADE, related_name="given")
    target = models.ForeignKey(Identity, models.CASCADE, related_name="received")
    post = models.CharField(
        max_length=500, blank=True, help_text="The network's id of the post acted on; empty where none."
    )
    recorded_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", editable=False)
    log_file = models.ForeignKey(LogFile, models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = ActivityQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "activity"
        constraints = [
            models.UniqueConstraint(
                fields=["network", "kind", "actor", "target", "post", "at"], name="activity_event_unique"
            ),
            models.CheckConstraint(condition=Q(kind__in=InteractionKind.values), name="activity_kind_known"),
        ]
        indexes = [
            models.Index(fields=["at"], name="activity_at"),
            models.Index(fields=["at"], name="activity_to_log", condition=Q(log_file__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.kind} at {self.at:%Y-%m-%d %H:%M:%S}"

    def clean_fields(self, exclude: Any = None) -> None:
        # Events are told apart by the second.
        if self.at:
            self.at = self.at.replace(microsecond=0)
        super().clean_fields(exclude=exclude)
