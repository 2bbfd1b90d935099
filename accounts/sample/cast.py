"""The characters of the sample world: what sets each apart from ordinary people."""

from dataclasses import dataclass, replace
from typing import Literal

# How somebody writes: in their own words, passing on headlines, the same few words over and over, or advertising.
Style = Literal["own", "headlines", "nonsense", "slogans"]


@dataclass(frozen=True)
class Role:
    """A character. `audience` is the share of all people who follow them, `acts_each` what each of these does a day.

    `answers` is the share of replies among what the audience does, `talks` the chance that a reply is answered.
    """

    role: str
    name: str
    handle: str
    bio: str
    city: str
    subjects: tuple[str, str, str]
    style: Style = "own"
    posts_a_day: float = 0.0
    acts_a_day: float = 0.0
    audience: float = 0.0
    acts_each: float = 0.0
    answers: float = 0.08
    talks: float = 0.1
    verified: bool = False
    second_network: bool = False
    website: str = ""
    away_days: int = 0
    followers: int = 0
    following: int = 0


CHARACTERS = (
    Role(
        role="curator",
        name="Rafael Castellan",
        handle="every_good_link",
        bio="Designer in LA. I read the whole internet so that you don't have to. Mostly other people's work.",
        city="Los Angeles",
        subjects=("graphic-design", "marketing", "photography"),
        style="headlines",
        posts_a_day=70,
        acts_a_day=4,
        audience=0.22,
        acts_each=0.06,
        talks=0.5,
        followers=81_400,
        following=64_200,
    ),
    Role(
        role="nonsense",
        name="Pond Otter",
        handle="pond_otter",
        bio="splash",
        city="Seattle",
        subjects=("dogs", "birdwatching", "gardening"),
        style="nonsense",
        posts_a_day=12,
        audience=0.012,
        acts_each=0.015,
        talks=0.0,
        followers=52_700,
        following=3,
    ),
    Role(
        role="consultant",
        name="Joanna Whitlock",
        handle="joannawhitlock",
        bio="Independent marketing consultant. I answer everybody, sooner or later.",
        city="Chicago",
        subjects=("marketing", "social-media", "startups"),
        posts_a_day=3,
        acts_a_day=6,
        audience=0.06,
        acts_each=0.05,
        answers=0.5,
        talks=0.9,
        followers=2_900,
        following=1_300,
    ),
    Role(
        role="absent_author",
        name="Edmund Ashgrove",
        handle="edmundashgrove",
        bio="Author of eleven books. I am not here. Read my blog.",
        city="New York City",
        subjects=("marketing", "writing", "fiction"),
        talks=0.0,
        verified=True,
        website="https://edmundashgrove.example/",
        followers=31_000,
    ),
    Role(
        role="on_holiday",
        name="Lucía Zamora",
        handle="lucia_cooks",
        bio="Cook, market regular, mother of two. Back on Monday!",
        city="Madrid",
        subjects=("home-cooking", "restaurants", "street-food"),
        posts_a_day=3,
        acts_a_day=4,
        audience=0.08,
        acts_each=0.05,
        talks=0.5,
        away_days=14,
        followers=6_100,
        following=820,
    ),
    Role(
        role="like_for_like",
        name="Tyler Bright",
        handle="tyler_likes_back",
        bio="Like my posts and I like yours! 🔁 Follow = follow back 💯",
        city="Los Angeles",
        subjects=("social-media", "fitness", "sneakers"),
        posts_a_day=4,
        audience=0.004,
        acts_each=0.01,
        followers=18_800,
        following=19_300,
    ),
    Role(
        role="influencer",
        name="Amara Okonkwo-Reid",
        handle="amara_eats_toronto",
        bio="Toronto by streetcar and by fork. Short trips, long lunches. She/her.",
        city="Toronto",
        subjects=("restaurants", "city-breaks", "air-travel"),
        posts_a_day=3,
        acts_a_day=6,
        audience=0.12,
        acts_each=0.05,
        answers=0.18,
        talks=0.6,
        second_network=True,
        website="https://amaraeats.example/",
        followers=12_400,
        following=940,
    ),
)

_POD = (
    ("Brent Hollis", "brent_scales"),
    ("Kayla Storm", "kayla_growth"),
    ("Dmitri Vale", "dmitri_hustles"),
    ("Simone Hart", "simone_10x"),
    ("Chase Rowe", "chase_the_win"),
    ("Priyanka Dev", "priyanka_brands"),
    ("Anton Weiss", "anton_funnels"),
    ("Lola Marchetti", "lola_mindset"),
    ("Griffin Stone", "griffin_scales"),
    ("Naomi Castle", "naomi_launches"),
)
_MEMBER = Role(
    role="pod",
    name="",
    handle="",
    bio="Growth. Mindset. Results. 🚀",
    city="Los Angeles",
    subjects=("social-media", "marketing", "startups"),
    posts_a_day=1.5,
    acts_a_day=0.4,
    audience=0.003,
    acts_each=0.02,
    followers=9_000,
    following=8_500,
)
_BOT = Role(
    role="bot",
    name="",
    handle="",
    bio="",
    city="Los Angeles",
    subjects=("social-media", "dogs", "personal-finance"),
    style="slogans",
    posts_a_day=0.25,
    followers=40,
    following=1_900,
)
_BOT_NAMES = ("Best Deals", "Daily Luck", "Free Gifts", "Hot News", "Cute Pets", "Win Big", "Top Tips", "Good Vibes")


def make_cast(people: int) -> list[Role]:
    """Return the characters, then the pod, then the bots: a hundred in a world of three thousand."""
    pod = [replace(_MEMBER, name=name, handle=handle) for name, handle in _POD]
    bots = [
        replace(
            _BOT,
            name=f"{_BOT_NAMES[number % len(_BOT_NAMES)]} {number}",
            handle=f"{_BOT_NAMES[number % len(_BOT_NAMES)].lower().replace(' ', '_')}_{1009 + 7 * number}",
        )
        for number in range(max(15, people // 30))
    ]
    return [*CHARACTERS, *pod, *bots]
