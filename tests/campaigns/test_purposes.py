"""What scores may be used for: said in writing, settled with the first use, never work, credit, insurance, housing."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.purposes import refused_use
from campaigns import actions
from campaigns.models import Campaign, Selection, Shortlisting
from tests.campaigns.conftest import Airlines
from tests.campaigns.invited import address, invited, open_campaign
from tests.campaigns.test_admin_campaigns import filled_in
from tests.factories.accounts import PersonFactory
from tests.factories.campaigns import NOW, CampaignFactory, InvitationFactory, SelectionFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("purpose", "use"),
    [
        ("Find out whom to hire for our shop", "work"),
        ("VORAUSWAHL VON BEWERBERN", "work"),
        ("Décider qui obtient un crédit", "credit"),
        ("decide a quién se da un pre\u0301stamo", "credit"),
        ("set the price of car insurance", "insurance"),
        ("choose tenants for our flats", "housing"),
    ],
)
def test_four_uses_are_refused_in_five_languages(purpose: str, use: str) -> None:
    found = refused_use(purpose)
    assert found is not None
    assert found[0] == use


@pytest.mark.parametrize(
    "purpose",
    [
        "Choose whom to offer a free flight, so that people in Toronto hear of the new route",
        "Offer a test drive of a rental car to people who write about cars",
        "Accredited press only: choose whom to let in first",  # "credit" within a word
        "",
    ],
)
def test_other_uses_are_not(purpose: str) -> None:
    assert refused_use(purpose) is None


@pytest.fixture
def campaign(airlines: Airlines) -> Campaign:
    found: Campaign = CampaignFactory.create(brand=airlines.brand)
    return found


def saved(manager: Client, campaign: Campaign, purpose: str) -> str:
    path = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    page = manager.post(path, filled_in(name=campaign.name, purpose=purpose), follow=True).content.decode()
    campaign.refresh_from_db()
    return page


def test_the_form_wants_a_sentence_and_says_which_word_is_refused(manager: Client, campaign: Campaign) -> None:
    assert "Say what this campaign uses people" in saved(manager, campaign, "")
    assert "Say it in a sentence" in saved(manager, campaign, "flights")
    assert "“hire” is about work" in saved(manager, campaign, "Choose whom to hire in Toronto")
    saved(manager, campaign, "Choose whom to invite\n to our  first flight")
    assert campaign.purpose == "Choose whom to invite to our first flight"


def test_a_purpose_is_settled_once_scores_were_used_for_it(manager: Client, campaign: Campaign) -> None:
    InvitationFactory.create(campaign=campaign)
    assert "can&#x27;t change now" in saved(manager, campaign, "Choose whom to offer something else.")
    assert campaign.purpose == "Choose whom to offer a free flight to Toronto."


def test_nobody_is_chosen_for_no_purpose(airlines: Airlines) -> None:
    none_said, by = CampaignFactory.create(brand=airlines.brand, purpose=""), airlines.manager
    person = PersonFactory.create()
    with pytest.raises(actions.NoPurpose, match="uses scores for"):
        actions.shortlist(campaign=none_said, people=[person], by=by, now=NOW)
    with pytest.raises(actions.NoPurpose):
        actions.invite(campaign=none_said, people=[person], by=by, now=NOW)
    with pytest.raises(actions.NoPurpose):
        actions.ask_for_group(selection=SelectionFactory.build(campaign=none_said), by=by, now=NOW)
    assert not Shortlisting.objects.exists()
    assert not Selection.objects.exists()


def test_the_invited_read_what_their_score_was_used_for(client: Client) -> None:
    invitation = invited(campaign=open_campaign(purpose="Choose whom to <b>invite</b> to Toronto."))
    page = client.get(address(invitation)).content.decode()
    assert "What your score was used for" in page
    assert "Choose whom to &lt;b&gt;invite&lt;/b&gt; to Toronto." in page
