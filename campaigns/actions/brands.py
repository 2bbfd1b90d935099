"""Brands, and who works for them."""

from datetime import datetime

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from accounts.models import User
from campaigns.actions.errors import NotYours
from campaigns.models import Brand, Membership

# What each role may do; on which rows, `visible_to` and `managed_by` say.
_GROUPS = {
    Membership.Role.MANAGER: (
        "Brand managers",
        {
            "accounts": ["view_person"],
            "scoring": ["view_influencer", "view_topic"],
            "campaigns": [
                "add_campaign",
                "change_campaign",
                "view_campaign",
                "add_campaignplace",
                "change_campaignplace",
                "delete_campaignplace",
                "view_campaignplace",
                "add_shortlisting",
                "delete_shortlisting",
                "view_shortlisting",
                "view_invitation",
            ],
        },
    ),
    Membership.Role.PARTNER: ("Partners", {"accounts": ["view_person"]}),
}


@transaction.atomic
def create_brand(*, name: str, by: User, now: datetime) -> Brand:
    """Add a brand; only an operator may. The slug is made from the name, with a number where it is taken."""
    _operators_only(by)
    stem = slugify(name)[:70] or "brand"
    taken = set(Brand.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    slug = next(slug for n in range(len(taken) + 1) if (slug := f"{stem}-{n + 1}" if n else stem) not in taken)
    return Brand.objects.create(name=name, slug=slug, created_at=now)


@transaction.atomic
def delete_brand(*, brand: Brand, by: User) -> None:
    """Take a brand away with its memberships; the database refuses (ProtectedError) while it has campaigns."""
    _operators_only(by)
    for membership in brand.memberships.select_related("user"):
        remove_member(membership=membership, by=by)
    brand.delete()


@transaction.atomic
def add_member(*, brand: Brand, user: User, role: str, by: User) -> Membership:
    """Let a login work for a brand, or change in which role; only an operator may.

    The login joins its role's group, whose permissions are set to what the role needs. Managers get into the admin
    site, partners don't.
    """
    _operators_only(by)
    membership, _ = Membership.objects.update_or_create(
        brand=brand, user=user, defaults={"role": Membership.Role(role)}
    )
    _align(user)
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, by: User) -> None:
    """End somebody's work for a brand, and with the last one of a role what the role gave them."""
    _operators_only(by)
    user = membership.user
    membership.delete()
    _align(user)


def _align(user: User) -> None:
    """Give a login the groups of the roles that it has, and take away those of the others."""
    roles = set(Membership.objects.filter(user=user).values_list("role", flat=True))
    for role in _GROUPS:
        if role in roles:
            user.groups.add(_group(role))
        else:
            user.groups.remove(*Group.objects.filter(name=_GROUPS[role][0]))
    # An operator may have let this login in for other work, by another group or a permission of its own.
    is_staff = Membership.Role.MANAGER in roles or (
        user.is_staff
        and (
            user.is_superuser
            or user.user_permissions.exists()
            or user.groups.exclude(name__in=[name for name, _ in _GROUPS.values()]).exists()
        )
    )
    if is_staff != user.is_staff:
        user.is_staff = is_staff
        user.save(update_fields=["is_staff"])


def _group(role: Membership.Role) -> Group:
    """Return a role's group with exactly the permissions that it needs."""
    name, needed = _GROUPS[role]
    wanted = Q(pk=None)
    for app, codenames in needed.items():
        wanted |= Q(content_type__app_label=app, codename__in=codenames)
    group, _ = Group.objects.get_or_create(name=name)
    group.permissions.set(Permission.objects.filter(wanted))
    return group


def _operators_only(by: User) -> None:
    if not by.is_superuser:
        raise NotYours("Only an operator of the platform may change brands and who works for them.")
