"""Cities out of what people write in their profiles."""

import gc
import threading
import time

import pytest

from accounts import places
from accounts.places import City, find_city, haversine_km, search_cities
from config.launcher import web


def named(city: City | None) -> str | None:
    return ", ".join(part for part in (city.name, city.admin, city.country_code) if part) if city else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Toronto", "Toronto, ON, CA"),
        ("Toronto, Ontario", "Toronto, ON, CA"),
        ("  toronto,ONTARIO , Canada", "Toronto, ON, CA"),
        ("Toronto 🇨🇦", "Toronto, ON, CA"),
        ("🇨🇦 Toronto 🍁", "Toronto, ON, CA"),
        ("Greater Toronto Area", "Toronto, ON, CA"),
        ("Born in Toronto, raised in LA", "Toronto, ON, CA"),
        ("Los Angeles, CA", "Los Angeles, CA, US"),
        ("Los Angeles California", "Los Angeles, CA, US"),
        ("LA ✈ NYC", "Los Angeles, CA, US"),
        ("NYC | LA", "New York City, NY, US"),
        ("SF Bay Area", "San Francisco, CA, US"),
        ("New York", "New York City, NY, US"),
        ("Washington D.C.", "Washington, DC, US"),
        ("Austin TX 78701", "Austin, TX, US"),
        ("St Louis", "St. Louis, MO, US"),
        ("Saint Louis, Missouri", "St. Louis, MO, US"),
        ("São Paulo", "São Paulo, BR"),
        ("sao paulo, Brasil", "São Paulo, BR"),
        ("Köln", "Köln, DE"),
        ("Cologne, Germany", "Köln, DE"),
        ("東京", "Tokyo, JP"),
        ("Москва, Россия", "Moscow, RU"),
        ("Łódź", "Łódź, PL"),
        ("Seattle ➡️ Boston", "Seattle, WA, US"),
        ("Minneapolis/St. Paul", "Minneapolis, MN, US"),
    ],
)
def test_a_city_is_found(text: str, expected: str) -> None:
    assert named(find_city(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Portland", "Portland, OR, US"),
        ("Portland, OR", "Portland, OR, US"),
        ("Portland, Maine", "Portland, ME, US"),
        ("Paris", "Paris, FR"),
        ("Paris, Texas", "Paris, TX, US"),
        ("London", "London, ENG, GB"),
        ("London, ON", "London, ON, CA"),
        ("London UK", "London, ENG, GB"),
        ("Vancouver", "Vancouver, BC, CA"),
        ("Vancouver, WA", "Vancouver, WA, US"),
        ("Ontario, CA", "Ontario, CA, US"),
        ("Hamilton, ON, CA", "Hamilton, ON, CA"),
        ("Cambridge, MA", "Cambridge, MA, US"),
        ("Melbourne, Victoria", "Melbourne, VIC, AU"),
        ("San José, Costa Rica", "San José, CR"),
        ("Reading, England", "Reading, ENG, GB"),
    ],
)
def test_a_region_decides_among_cities_of_one_name(text: str, expected: str) -> None:
    assert named(find_city(text)) == expected


@pytest.mark.parametrize(
    "text", ["NC", "Ontario", "Georgia", "NJ/PA", "California, USA", "Mexico", "🇨🇦", "The Netherlands"]
)
def test_a_state_or_country_alone_is_no_city(text: str) -> None:
    assert find_city(text) is None


def test_some_cities_outshine_the_state_or_are_the_country() -> None:
    assert named(find_city("Washington")) == "Washington, DC, US"
    assert named(find_city("Singapore")) == "Singapore, SG"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "🌍",
        "the moon",
        "in your head",
        "Earth",
        "male",
        "Best",
        "she/her",
        "7717 Laguna Cross Roads",
        "127.0.0.1",
        "everywhere & nowhere",
        "Houston-adjacent",
        ",,,",
        "\ud83d",
        "Paris, Ontario, Narnia",
    ],
)
def test_what_names_no_known_city_gives_none(text: str) -> None:
    assert find_city(text) is None


def test_a_city_comes_with_its_coordinates_and_ids() -> None:
    assert find_city("Toronto") == City("Toronto", "CA", "ON", 43.70643, -79.39864, 2_794_356, 6_167_865)


def test_ten_thousand_different_texts_take_less_than_a_second() -> None:
    find_city("builds the index")
    start = time.process_time()
    for number in range(10_000):
        find_city(f"Somewhere {number} in the hills, near Toronto {number}")
    assert time.process_time() - start < 1


def test_completion_offers_the_largest_cities_first() -> None:
    assert named(search_cities("tor")[0]) == "Toronto, ON, CA"
    assert [named(city) for city in search_cities("portland", 2)] == ["Portland, OR, US", "Portland, ME, US"]
    assert [named(city) for city in search_cities("portland, me")] == ["Portland, ME, US"]
    assert named(search_cities("cologne", 1)[0]) == "Köln, DE"
    assert named(search_cities("KÖL", 2)[1]) == "Köln, DE"
    assert len(search_cities("s", 7)) == 7
    assert search_cities("") == search_cities("  ") == search_cities("xyzzy") == []


def test_distances_follow_the_great_circle() -> None:
    assert haversine_km(43.70643, -79.39864, 43.70643, -79.39864) == 0
    # A quarter of a meridian, and half around the Earth.
    assert haversine_km(0, 0, 90, 0) == pytest.approx(10_007.557, abs=0.01)
    assert haversine_km(0, 0, 0, 180) == pytest.approx(20_015.115, abs=0.01)
    # Across the 180th meridian.
    assert haversine_km(0, 179.5, 0, -179.5) == pytest.approx(111.195, abs=0.01)
    # London to New York, as almanacs have it.
    assert haversine_km(51.5074, -0.1278, 40.7128, -74.0060) == pytest.approx(5570, abs=1)


@pytest.fixture
def unbuilt() -> None:
    """Forget the index, as in a process that just started."""
    places._build.cache_clear()


def test_the_index_is_built_without_collecting_garbage(unbuilt: None) -> None:
    began: list[int] = []
    found = places._read()
    gc.callbacks.append(lambda phase, info: began.append(info["generation"]))
    try:
        places.prepare()
    finally:
        gc.callbacks.pop()
    assert began == []
    assert gc.isenabled()
    assert places._build() == found


def test_a_web_worker_builds_the_index_as_it_starts_and_nobody_builds_a_second(unbuilt: None) -> None:
    web.post_worker_init(None)
    city = find_city("Toronto, somewhere unasked before")
    assert city is not None
    assert (city.name, places._build.cache_info().misses) == ("Toronto", 1)
    for thread in threading.enumerate():
        if thread.name == "cities":
            thread.join()
    assert places._build.cache_info().misses == 1
