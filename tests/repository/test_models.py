"""What holds for every model of the project."""

from django.apps import apps
from django.db import models

from accounts.models import FollowsMerge, Person

OURS = [model for name in ("accounts", "scoring", "campaigns") for model in apps.get_app_config(name).get_models()]


def test_every_model_says_what_it_is() -> None:
    silent = [model.__name__ for model in OURS if model.__str__ is models.Model.__str__]
    assert silent == []


def test_no_model_orders_by_default() -> None:
    # An order that nobody asked for costs a sort in every query, and hides where one is needed.
    ordered = [
        model.__name__
        for model in OURS
        if model._meta.ordering and model._meta.proxy_for_model is None and not _inherited(model)
    ]
    assert ordered == []


def test_no_model_has_side_effects_on_save() -> None:
    saving = [model.__name__ for model in OURS if "save" in vars(model) or "delete" in vars(model)]
    assert saving == []


def test_every_model_about_people_says_what_a_merge_does_to_it() -> None:
    # Rows of runs, groups that were chosen and returns are history; the ledger of merges names both people as they
    # were.
    stay = {"Score", "TopicReach", "Support", "ReachPart", "Merge", "Person", "Selected", "Participant"}
    # An address takes no mail, whosever it is.
    stay |= {"WrittenLanguage", "BouncedAddress"}
    about = {relation.related_model for relation in Person._meta.related_objects}
    follow = {model.__name__ for model in about if isinstance(model._default_manager.all(), FollowsMerge)}
    assert follow == {"Appeal", "Exclusion", "Holdout", "Identity", "Invitation", "Rest", "Shortlisting"}
    assert {model.__name__ for model in about} - follow == stay


def _inherited(model: type[models.Model]) -> bool:
    return "ordering" not in getattr(model, "Meta", type("Meta", (), {})).__dict__
