"""What people post about."""

from contextvars import ContextVar
from typing import Final

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

# The code of the language in which whoever asks reads names of topics; empty where nobody does.
readers_language: Final[ContextVar[str]] = ContextVar("readers_language", default="")


class Topic(models.Model):
    """Something that people post about. Matched by hashtag and by name or alias in the text."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=80)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    aliases = models.JSONField(default=list, blank=True, help_text="Other names and hashtags, as a list of texts.")
    names = models.JSONField(
        "names in other languages", default=dict, blank=True, help_text="By code of the language: de, fr, pt-br."
    )
    words_in_text = models.BooleanField(
        "names of one word count in texts",
        default=True,
        help_text="Otherwise they are found as hashtags only: for imported topics, whose names nobody looked through.",
    )
    source = models.CharField(max_length=40, blank=True, help_text="Where it was imported from.")
    external_id = models.CharField(max_length=40, blank=True, help_text="Its id there, as a text.")

    objects = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(parent=F("id")), name="topic_not_its_own_parent"),
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=~Q(source=""), name="topic_once_per_source"
            ),
            models.CheckConstraint(
                condition=Q(source="", external_id="") | (~Q(source="") & ~Q(external_id="")),
                name="topic_source_has_id",
            ),
        ]

    def __str__(self) -> str:
        return self.shown_name

    @property
    def shown_name(self) -> str:
        """Return the name in the reader's language, the plain one where there is none in it."""
        language = readers_language.get()
        return str(self.names.get(language) or self.names.get(language.partition("-")[0]) or self.name)

    def clean(self) -> None:
        seen, above = {self.pk}, self.parent
        while above is not None:
            if above.pk in seen:
                raise ValidationError({"parent": "This topic is above that one already."})
            seen.add(above.pk)
            above = above.parent
