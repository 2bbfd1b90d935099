"""What posts in the sample world say: sentences put together so that few people ever write the same twice."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from accounts.sample.cast import Role
from accounts.sample.languages import LANGUAGES, draw_languages, name_languages
from accounts.sample.ledger import ANSWER, COMMENT, NOBODY, ORIGINAL, RESHARE
from accounts.sample.places import CITIES
from accounts.sample.population import Bools, Ints, Population
from accounts.sample.subjects import SUBJECTS

pc: Any = pyarrow.compute
# From a thing, another, a city for each row, and dice, to a text for each row.
Words = Callable[[Any, Any, Any, np.random.Generator], Any]

# {} stands for a thing. Every line takes it as an object, so that one and many fit alike.
_OPENINGS = """
Finally tried {}.|Still thinking about {}.|Nobody warned me about {}.|A small note on {}:|Today was all about {}.
I could talk for hours about {}.|We need to discuss {}.|Woke up early for {}.|This week's discovery: {}.
It took me years to understand {}.|Here is my honest opinion of {}:|Say what you like about {}, I'm in.
My whole weekend went into {}.|Three things I learned from {}:|Somebody asked me about {} yesterday.
I changed my mind about {}.|There should be a prize for {}.|Friends keep teasing me about {}.|A love letter to {}.
I was wrong about {}.|Half of my photos show {}.|You either get {} or you don't.|I owe an apology to {}.
One more word about {}, then I'll stop.|Long day, saved by {}.|Question for people who know about {}:
If you only have an hour, give it to {}.|The best thing this month: {}.|I made a list and put {} on top.
People underestimate {}.|New on my desk: {}.|What nobody tells you about {}:|Rainy day, perfect for {}.
My neighbour introduced me to {}.|I didn't expect to like {}.|Back home, missing {} already.
"""
_SECOND = """
It goes well with {}.|Reminded me of {}.|Not to be confused with {}.|Beats {} any day.|Next on the list: {}.
I'd trade it for {}.|It all started with {}.|Ask me again after {}.|Somewhere between that and {} lies the truth.
The only competition is {}.|I blame {}.|My sister prefers {}.|Now I see {} differently.|Worth it, even after {}.
I can't say the same about {}.|Bonus: {}.|We ended up with {}.|Still better than {}.|Then came {}.|Also: {}.
And yes, that includes {}.|It made up for {}.|Somehow it led to {}.|You can keep {}.|Only {} comes close.
Tomorrow I'll try {}.|I'd do it again for {}.|Turns out it needs {}.|No, I haven't forgotten {}.|Pure luck, like {}.
"""
_CLOSINGS = """
Who else?|What did I miss?|Anyone here with better luck?|Tell me yours.|That's the post.|More soon.|Worth the detour.
No regrets.|I'll report back.|Thoughts?|Take notes.|You heard it here first.|Ten out of ten.|Same again next week?
Pictures to follow.|Thank me later.|Carry on.|Be kind out there.|Enough for today.|Highly recommended.|🙂|🎉|😅|✨
Greetings from {}.|Only in {}.|{}, you are something else.|Sunny here in {}.|If you're in {}, say hello.
"""
_HEADLINES = """
Why {} matters more than you think|The quiet return of {}|How {} became everybody's business|Inside the world of {}
What {} can teach us|Five charts about {}|The people behind {}|An argument against {}|Is this the end of {}?
A short history of {}|The case for {}|How to start with {}|The hidden cost of {}|Everything we got wrong about {}
A year with {}|The science of {}|In praise of {}|A field guide to {}|What experts say about {}|The economics of {}
Meet the woman who reinvented {}|Ten lessons from {}|The unexpected comeback of {}|The future of {}, explained
"""
_BYLINES = """
A good read.|Worth ten minutes.|Via a friend.|Long, but read to the end.|Great pictures too.|Bookmarked.|Smart piece.
Saving this one.|I disagree, and still.|From the archive.|Beautifully told.|Clear and short.|With a surprise at the end.
"""
_ANSWERS = """
Same here.|Where was that?|I had the opposite experience.|Love this.|Tell me more.|So true.|This made my day.
I'd add one thing.|Not sure I agree.|How long did it take?|Thank you for this.|You should write it down.|Ha, exactly.
Do you have a link?|My thoughts too.|Beautiful.|I needed that today.|What would you do differently?|Count me in.
That explains a lot.|Great question.|Good point, well put.|I remember.|Can't wait to hear how it goes.|Noted!|Oh no.
"""
_ADDED = """
For me it was {}.|I'd look at {} first.|It reminds me of {}.|Have you tried {}?|We had {} and never looked back.
Don't forget {}.|Ask anybody about {}.|I'd skip {}.|Somebody should write about {}.|And then there is {}.
I swear by {}.|It's the same with {}.|Nothing beats {}.|My guess: {}.|Compare it with {}.|That and {}, obviously.
"""
_COMMENTS = """
This.|Read this, then read it again.|My city needs this.|Required reading.|I have questions.|What I was trying to say.
Saving this for Monday.|Not a fan, but a fair point.|This is why I'm here.|More of this, please.|Look at that.
"""
_NONSENSE = """
splash|splash splash|fish|splash fish splash|swim|swim swim swim|fish fish|splash swim|dive|dive splash|pebble|fish dive
"""
_SLOGANS = """
Best deals of the day, follow for more|You won't believe this gift|Good vibes only|Win big today|Follow and win|Top tips
Free gift for every follower|Hot news, cute pets, good luck|Share if you agree|Like if you love animals
"""
_HOSTS = (
    "harbourpost.example",
    "thelongread.example",
    "dailyladder.example",
    "northernecho.example",
    "openatlas.example",
    "thesundaysheet.example",
    "fieldnotes.example",
    "brightmargin.example",
    "cityledger.example",
    "slowwire.example",
)


def _lines(text: str) -> list[str]:
    return [part.strip() for line in text.strip().splitlines() for part in line.split("|") if part.strip()]


class _Sentences:
    """Sentences with one gap, which many rows fill at once."""

    def __init__(self, text: str) -> None:
        parts = [line.partition("{}") for line in _lines(text)]
        self._before = pa.array([before for before, _, _ in parts])
        self._gap = np.array([bool(gap) for _, gap, _ in parts])
        self._after = pa.array([after for _, _, after in parts])

    def draw(self, filling: Any, rng: np.random.Generator) -> Any:
        """Return a sentence for each row, with the row's filling in its gap, if it has one."""
        which = rng.integers(0, len(self._before), len(filling))
        filling = pc.if_else(pa.array(self._gap[which]), filling, "")
        return _glued("", self._before.take(which), filling, self._after.take(which))


_SENTENCES = {
    name: _Sentences(text)
    for name, text in {
        "opening": _OPENINGS,
        "second": _SECOND,
        "closing": _CLOSINGS,
        "headline": _HEADLINES,
        "byline": _BYLINES,
        "answer": _ANSWERS,
        "added": _ADDED,
        "comment": _COMMENTS,
        "nonsense": _NONSENSE,
        "slogan": _SLOGANS,
    }.items()
}
_THINGS = pa.array([thing for subject in SUBJECTS for thing in subject.things])
_THINGS_FROM = np.cumsum([0, *(len(subject.things) for subject in SUBJECTS)])
_TAGS = pa.array([tag for subject in SUBJECTS for tag in subject.tags])
_TAGS_FROM = np.cumsum([0, *(len(subject.tags) for subject in SUBJECTS)])
_CITIES = pa.array([city.name for city in CITIES])


def write_texts(
    posts: dict[str, Ints],
    population: Population,
    cast: list[Role],
    handles: Any,
    websites: Any,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return the columns text, lang, links and topics of all posts; of reshares the language alone, their post's.

    `handles` and `websites` (addresses, or null) are arrays of text by person.
    """
    size = len(posts["at"])
    kind, author, subject = posts["kind"], posts["author"], np.maximum(posts["subject"], 0)
    style = np.array([""] * (len(population) - len(cast)) + [role.style for role in cast])[author]
    first, second = _two(_THINGS_FROM, subject, rng)
    thing, other = _THINGS.take(first), _THINGS.take(second)

    text = pa.nulls(size, pa.string())
    original = kind == ORIGINAL
    own = original & ~np.isin(style, ["headlines", "nonsense", "slogans"])
    # Dice of their own, so that nothing else of the world hangs on them.
    (dice,) = rng.spawn(1)
    language = draw_languages(population.city, author, own & (author < len(population) - len(cast)), dice)
    for rows, words, draws in (
        (own, _own_words(_SENTENCES["opening"], _SENTENCES["second"], _SENTENCES["closing"]), rng),
        (original & (style == "headlines"), _headline, rng),
        (original & (style == "nonsense"), lambda t, *_: _SENTENCES["nonsense"].draw(t, rng), rng),
        (original & (style == "slogans"), lambda t, *_: _SENTENCES["slogan"].draw(t, rng), rng),
        (kind == ANSWER, _answer, rng),
        (kind == COMMENT, lambda t, *_: _SENTENCES["comment"].draw(t, rng), rng),
        *((language == place, words, dice) for place, words in enumerate(_OTHER_WORDS)),
    ):
        at = np.flatnonzero(rows)
        city = _CITIES.take(population.city[author[rows]])
        text = pc.replace_with_mask(text, pa.array(rows), words(thing.take(at), other.take(at), city, draws))

    addressed = np.where(kind == ANSWER, author[posts["parent"]], NOBODY)
    text = pc.if_else(pa.array(addressed >= 0), _glued(" ", _at(handles, addressed), text), text)
    named = np.where(original, posts["named"], NOBODY)
    text = pc.if_else(pa.array(named >= 0), _glued(" ", text, _at(handles, named)), text)

    tags = [
        pc.if_else(pa.array(original & (style != "nonsense") & (rng.random(size) < share)), _TAGS.take(tag), None)
        for share, tag in zip((0.6, 0.2), _two(_TAGS_FROM, subject, rng), strict=True)
    ]
    for tag in tags:
        text = pc.if_else(pc.is_valid(tag), _glued(" #", text, tag), text)
    links = _links(original, style, posts["site"], websites, rng)
    text = pc.if_else(pc.is_valid(links), _glued(" ", text, links), text)
    text = pc.if_else(pa.array(kind == RESHARE), None, text)
    language = np.where(kind == RESHARE, language[posts["parent"]], language)
    return {"text": text, "lang": name_languages(language), "links": _lists([links]), "topics": _lists(tags)}


def _own_words(openings: _Sentences, seconds: _Sentences, closings: _Sentences) -> Words:
    """Return what writes one to three sentences for each row."""

    def words(thing: Any, other: Any, city: Any, rng: np.random.Generator) -> Any:
        opening = openings.draw(thing, rng)
        draw = rng.random(len(thing))
        second = pc.if_else(pa.array(draw < 0.75), _glued("", " ", seconds.draw(other, rng)), "")
        closing = pc.if_else(pa.array(draw > 0.35), _glued("", " ", closings.draw(city, rng)), "")
        return _glued("", opening, second, closing)

    return words


_OTHER_WORDS = [
    _own_words(_Sentences(language.openings), _Sentences(language.seconds), _Sentences(language.closings))
    for language in LANGUAGES
]


def _headline(thing: Any, other: Any, city: Any, rng: np.random.Generator) -> Any:
    byline = pc.if_else(pa.array(rng.random(len(thing)) < 0.6), _SENTENCES["byline"].draw(other, rng), "")
    return pc.utf8_trim(_glued(". ", _SENTENCES["headline"].draw(thing, rng), byline), characters=" ")


def _answer(thing: Any, other: Any, city: Any, rng: np.random.Generator) -> Any:
    added = pc.if_else(
        pa.array(rng.random(len(thing)) < 0.7), _glued("", " ", _SENTENCES["added"].draw(thing, rng)), ""
    )
    return _glued("", _SENTENCES["answer"].draw(other, rng), added)


def _links(original: Bools, style: Any, site: Ints, websites: Any, rng: np.random.Generator) -> Any:
    """Return each post's link or null: to a named person's website, else to a page in the news."""
    size = len(original)
    host = pa.array(_HOSTS).take(rng.integers(0, len(_HOSTS), size))
    page = pa.array(rng.integers(10_000, 99_999, size)).cast(pa.string())
    news = _glued("", "https://", host, "/", page)
    share = np.where(style == "headlines", 0.97, np.where(style == "nonsense", 0.0, 0.12))
    links = pc.if_else(pa.array(original & (rng.random(size) < share)), news, None)
    theirs = _glued("", websites.take(np.maximum(site, 0)), page)
    return pc.if_else(pa.array(original & (site >= 0)), theirs, links)


def _two(bounds: Ints, group: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Draw the places of two different values of each row's group; the same twice where it has only one."""
    low, size = bounds[group], bounds[group + 1] - bounds[group]
    first = rng.integers(0, size)
    return low + first, low + (first + rng.integers(np.minimum(1, size - 1), np.maximum(size, 1))) % size


def _at(handles: Any, person: Ints) -> Any:
    return _glued("", "@", handles.take(np.maximum(person, 0)))


def _glued(separator: str, *parts: Any) -> Any:
    return pc.binary_join_element_wise(*parts, separator)


def _lists(columns: list[Any]) -> Any:
    """Return the valid ones of some columns as a list per row, null where there is none or twice the same."""
    size = len(columns[0])
    stacked = np.arange(size * len(columns)).reshape(len(columns), size).T.ravel()
    values = pa.concat_arrays([column.cast(pa.string()) for column in columns]).take(stacked)
    counts = np.asarray(values.is_valid()).reshape(size, -1).sum(axis=1)
    offsets: Any = pa.array(np.concatenate([np.zeros(1), np.cumsum(counts)]).astype(np.int32))
    lists = pa.ListArray.from_arrays(offsets, values.drop_null())
    return pc.if_else(pa.array(counts > 0), lists, pa.scalar(None, pa.list_(pa.string())))
