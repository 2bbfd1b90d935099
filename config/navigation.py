"""How the admin looks: its name, its style, and who finds which pages in its sidebar."""

from collections.abc import Callable
from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy


def _superuser(request: Any) -> bool:
    return bool(request.user.is_superuser)


def _who_may(permission: str) -> Callable[[Any], bool]:
    return lambda request: bool(request.user.has_perm(permission))


def _page(title: str, icon: str, name: str, permission: str = "") -> dict[str, Any]:
    """Return the entry of a model's list: for whoever has the permission, or for superusers."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{name}_changelist"),
        "permission": _who_may(permission) if permission else _superuser,
    }


_CAMPAIGNS = [
    _page("Influencers", "groups", "scoring_influencer", "scoring.view_influencer"),
    _page("Campaigns", "campaign", "campaigns_campaign", "campaigns.view_campaign"),
    _page("Chosen groups", "hub", "campaigns_selection", "campaigns.view_campaign"),
    _page("Shortlists", "checklist", "campaigns_shortlisting", "campaigns.view_shortlisting"),
    _page("Invitations", "mail", "campaigns_invitation", "campaigns.view_invitation"),
]
_TEAM = [
    _page("Members", "badge", "campaigns_membership", "campaigns.view_membership"),
    _page("Invited colleagues", "person_add", "campaigns_colleagueinvitation", "campaigns.add_membership"),
    _page("Brands", "storefront", "campaigns_brand", "campaigns.view_brand"),
    _page("Audit trail", "history", "campaigns_auditentry", "campaigns.change_campaign"),
]
_PLATFORM = [
    _page("People", "person", "accounts_person"),
    _page("Identities", "alternate_email", "accounts_identity"),
    _page("Merges", "merge", "accounts_merge", "accounts.merge_people"),
    _page("Activity", "forum", "accounts_activity"),
    _page("Topics", "tag", "scoring_topic"),
    _page("Formulas", "function", "scoring_formula", "scoring.view_formula"),
    _page("Runs", "update", "scoring_scorerun"),
    _page("Backtests", "fact_check", "scoring_backtest"),
    _page("Appeals", "gavel", "scoring_appeal", "scoring.view_appeal"),
    _page("Activity log", "folder", "accounts_logfile"),
    _page("Addresses that take no mail", "unsubscribe", "campaigns_bouncedaddress"),
    _page("Logins", "account_circle", "accounts_user"),
    _page("API keys", "key", "accounts_apikey"),
    _page("Schedule", "schedule", "django_celery_beat_periodictask"),
    _page("Task results", "task", "django_celery_results_taskresult"),
]

ADMIN: dict[str, Any] = {
    "SITE_TITLE": "Sway",
    "SITE_HEADER": "Sway",
    "SITE_SUBHEADER": "Who really moves an audience",
    "SITE_SYMBOL": "graph_3",
    "SITE_URL": "/",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("favicon.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "campaigns.admin.dashboard.dashboard",
    "STYLES": [lambda request: static("admin.css")],
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("account_change_password")},
            {"title": "Two-step sign-in", "link": reverse_lazy("mfa_index")},
        ]
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {"title": "Campaigns", "items": _CAMPAIGNS},
            {"title": "Team", "separator": True, "items": _TEAM},
            {"title": "Platform", "collapsible": True, "separator": True, "items": _PLATFORM},
        ],
    },
}
