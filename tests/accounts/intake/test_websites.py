"""Links to websites that stand for somebody."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.intake import link_interactions, website_host
from accounts.intake.schema import INTERACTIONS, POSTS

NOON = 1517659200


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://seths.blog/2012/03/x?y=z#w", "seths.blog"),
        ("HTTP://WWW.Seths.BLOG:8080", "seths.blog"),
        ("seths.blog", "seths.blog"),
        ("www.seths.blog/about", "seths.blog"),
        ("https://user:secret@seths.blog./", "seths.blog"),
        ("https://blog.example.co.uk", "blog.example.co.uk"),
        ("https://xn--bcher-kva.example", "bücher.example"),
        ("https://B\u0075\u0308cher.example/", "bücher.example"),
        ("https://www.com", "www.com"),
        ("  https://seths.blog  ", "seths.blog"),
        ("https://seths.tumblr.com/post/1", "seths.tumblr.com"),
        ("https://carol.substack.com", "carol.substack.com"),
        ("https://someone.github.io/page", "someone.github.io"),
    ],
)
def test_a_host_is_an_id(url: str, host: str) -> None:
    assert website_host(url) == host


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "localhost",
        "http://127.0.0.1/x",
        "http://[::1]/",
        "http://[broken",
        "mailto:a@seths.blog",
        "ftp://seths.blog",
        "javascript:alert(1)",
        "https://a..b",
        "https://with space.com",
        "https://xn--\u00fc.com",
    ],
)
def test_what_is_no_web_address_names_nobody(url: str) -> None:
    assert website_host(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://t.co/ti3vbKYVMD",
        "http://Facebook.com/johnny.d.hoang",
        "https://m.facebook.com/x",
        "https://youtu.be/x",
        "https://linktr.ee/x",
        "https://www.instagram.com/x",
        "https://substack.com",
        "https://tumblr.com",
        "https://medium.com/@somebody",
        "https://en.wikipedia.org/wiki/Klout",
    ],
)
def test_a_shared_host_names_nobody(url: str) -> None:
    assert website_host(url) is None


@given(st.text(max_size=30) | st.text(max_size=20).map("https://{}".format))
@settings(deadline=None)
def test_any_text_has_a_host_or_none_and_a_host_is_its_own(text: str) -> None:
    host = website_host(text)
    if host is not None:
        assert website_host(f"https://{host}/") == host
        assert host == host.lower()


def post(number: int, links: list[str] | None, kind: str = "original") -> dict[str, object]:
    return {"post": f"p{number}", "at": NOON + number, "author": "a", "kind": kind, "links": links, "network": "demo"}


def test_each_known_website_gets_one_link_a_post() -> None:
    posts = pa.Table.from_pylist(
        [
            post(1, ["https://seths.blog/1", "http://www.seths.blog/2", "https://unknown.example"]),
            post(2, None),
            post(3, ["https://t.co/x"]),
            post(4, ["https://seths.blog/1"], kind="reshare"),
            post(5, ["https://jon.how", "https://seths.blog/1"], kind="reply"),
        ],
        schema=POSTS,
    )
    found = link_interactions(posts, ["seths.blog", "jon.how", "t.co"])
    assert found.schema == INTERACTIONS
    row = {"kind": "link", "actor": "a", "network": "demo", "target_network": "web"}
    assert found.to_pylist() == [
        row | {"at": NOON + 1, "post": "p1", "target": "seths.blog"},
        row | {"at": NOON + 5, "post": "p5", "target": "jon.how"},
        row | {"at": NOON + 5, "post": "p5", "target": "seths.blog"},
    ]


def test_no_known_website_no_links() -> None:
    posts = pa.Table.from_pylist([post(1, ["https://seths.blog"])], schema=POSTS)
    assert link_interactions(posts, []).num_rows == 0
    assert link_interactions(POSTS.empty_table(), ["seths.blog"]).schema == INTERACTIONS
