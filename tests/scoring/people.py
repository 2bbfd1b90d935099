"""People of the queries, and who asks."""

from datetime import UTC, datetime

from django.contrib.auth.models import AnonymousUser, Permission

from accounts.models import Person, User
from tests.factories.accounts import PersonFactory, UserFactory

NOW = datetime(2026, 3, 1, tzinfo=UTC)


NOBODY = AnonymousUser()


def claimed(handle: str, **given: object) -> Person:
    person: Person = PersonFactory.create(
        handle=handle, user=UserFactory.create(), claimed_at=NOW, claimed_via="invitation", **given
    )
    return person


def unclaimed(handle: str, **given: object) -> Person:
    person: Person = PersonFactory.create(handle=handle, **given)
    return person


def brand_user() -> User:
    user: User = UserFactory.create()
    user.user_permissions.add(Permission.objects.get(codename="view_person"))
    return User.objects.get(pk=user.pk)
