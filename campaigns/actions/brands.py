"""Brands, and who works for them."""

from datetime import datetime

from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from accounts.models import User
from campaigns.actions.auditing import Kind, record
from campaigns.actions.errors import LastOwner, NotYours
from campaigns.models import Brand, Membership

# What a viewer looks at: campaigns, groups, reports. People only as far as these name them: there is no list of
# influencers for them, and nothing to take home as a file.
_VIEWING = {
    "accounts": ["view_person"],
    "campaigns": ["view_campaign", "view_campaignplace", "view_shortlisting", "view_invitation"],
}
_MANAGING = {
    "accounts": _VIEWING["accounts"],
    "scoring": ["view_influencer", "view_topic"],
    "campaigns": [
        *_VIEWING["campaigns"],
        "add_campaign",
        "change_campaign",
        "add_campaignplace",
        "change_campaignplace",
        "delete_campaignplace",
        "add_shortlisting",
        "delete_shortlisting",
    ],
}
_OWNING = {
    **_MANAGING,
    "campaigns": [
        *_MANAGING["campaigns"],
        "view_brand",
        "change_brand",
        "view_membership",
        "add_membership",
        "change_membership",
        "delete_membership",
    ],
}
# What each role may do; on which rows, `visible_to`, `managed_by` and `owned_by` say.
_GROUPS = {
    Membership.Role.OWNER: ("Brand owners", _OWNING),
    Membership.Role.MANAGER: ("Brand managers", _MANAGING),
    Membership.Role.VIEWER: ("Brand viewers", _VIEWING),
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
def rename_brand(*, brand: Brand, name: str, by: User) -> None:
    """Give a brand another name, under the same slug; only an operator may."""
    _operators_only(by)
    Brand.objects.filter(pk=brand.pk).update(name=name)
    brand.name = name
    record(Kind.BRAND_CHANGED, brand=brand.pk, by=by, what="name")


@transaction.atomic
def delete_brand(*, brand: Brand, by: User) -> None:
    """Take a brand away with its memberships; the database refuses (ProtectedError) while it has campaigns."""
    _operators_only(by)
    # In the order of logins, each of which stays locked: two brands could wait for each other.
    for membership in brand.memberships.select_related("user").order_by("user"):
        remove_member(membership=membership, by=by)
    brand.delete()


@transaction.atomic
def add_member(*, brand: Brand, user: User, role: str, by: User) -> Membership:
    """Let a login work for a brand, or change in which role. The brand's owners may, and operators.

    The login joins its role's group, whose permissions are set to what the role needs. All but partners get into the
    admin site.

    Raises
    ------
    NotYours
        The user doesn't own the brand; or it is about a partner, whose keys are for operators to give.
    LastOwner
        The brand's only owner would own it no more.
    """
    role = Membership.Role(role)
    lock_owned(brand, by)
    before = Membership.objects.filter(brand=brand, user=user).first()
    partner = Membership.Role.PARTNER
    if not by.is_superuser and (user.is_service or role == partner or (before and before.role == partner)):
        raise NotYours("Partners and their keys are an operator's business.")
    if before and role != Membership.Role.OWNER:
        _keep_an_owner(before, by)
    if before is None:
        return let_in(brand=brand, user=user, role=role, by=by, what=f"as {role}")
    membership, _ = Membership.objects.update_or_create(brand=brand, user=user, defaults={"role": role})
    _align(user)
    if before.role != role:
        record(Kind.MEMBER_CHANGED, brand=brand.pk, by=by, member=user.pk, what=f"{before.role} → {role}")
    return membership


def let_in(*, brand: Brand, user: User, role: str, by: User, what: str) -> Membership:
    """Add a login to a brand, in the caller's transaction; who may, and that it isn't there yet, the caller knows."""
    membership = Membership.objects.create(brand=brand, user=user, role=Membership.Role(role))
    _align(user)
    record(Kind.MEMBER_ADDED, brand=brand.pk, by=by, member=user.pk, what=what)
    return membership


@transaction.atomic
def remove_member(*, membership: Membership, by: User) -> None:
    """End somebody's work for a brand, and with the last one of a role what the role gave them.

    The brand's owners may, and operators. Raises NotYours, and LastOwner where it is the only owner's own work.
    """
    lock_owned(membership.brand, by)
    _keep_an_owner(membership, by)
    user, brand = membership.user, membership.brand_id
    membership.delete()
    _align(user)
    record(Kind.MEMBER_REMOVED, brand=brand, by=by, member=user.pk, what=f"was {membership.role}")


def is_only_owner(membership: Membership) -> bool:
    """Return whether the brand would have no owner without this one. One query."""
    owners = Membership.objects.filter(brand=membership.brand_id, role=Membership.Role.OWNER)
    return set(owners.values_list("pk", flat=True)) == {membership.pk}


def lock_owned(brand: Brand, by: User) -> None:
    """Lock a brand for as long as the transaction, and raise NotYours unless the user owns it then.

    First the lock: of two owners who remove each other, the second isn't one any more.
    """
    Brand.objects.select_for_update(no_key=True).filter(pk=brand.pk).first()
    if not Brand.objects.owned_by(by).filter(pk=brand.pk).exists():
        raise NotYours("Only an owner of the brand may say who works for it.")


def _keep_an_owner(membership: Membership, by: User) -> None:
    if not by.is_superuser and is_only_owner(membership):
        raise LastOwner("A brand keeps an owner: make somebody else one first.")


def _align(user: User) -> None:
    """Give a login the groups of the roles that it has, and take away those of the others."""
    # One after the other: of two brands that let a login go at once, each would still see it at work for the other.
    locked = User.objects.select_for_update(no_key=True).filter(pk=user.pk)
    user.is_staff = locked.values_list("is_staff", flat=True).get()
    roles = set(Membership.objects.filter(user=user).values_list("role", flat=True))
    for role in _GROUPS:
        if role in roles:
            user.groups.add(_group(role))
        else:
            user.groups.remove(*Group.objects.filter(name=_GROUPS[role][0]))
    # An operator may have let this login in for other work, by another group or a permission of its own.
    is_staff = bool(roles & set(Membership.STAFF)) or (
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
        raise NotYours("Only an operator of the platform may add brands or take them away.")
