"""What counts as a mention, in every shape that posts have."""

from typing import Any

import pyarrow as pa
import pytest

from campaigns.returns.tags import Tags, TagsError, tags_in


def found(tag: str, text: str | None = None, topics: list[str] | None = None, links: list[str] | None = None) -> bool:
    strings: Any = pa.list_(pa.string())
    posts = pa.table(
        {
            "text": pa.array([None, text], pa.string()),
            "topics": pa.array([None, topics], strings),
            "links": pa.array([None, links], strings),
        }
    )
    nothing, it = Tags(tags_in(tag)).found_in(posts).tolist()
    assert nothing is False
    return bool(it)


@pytest.mark.parametrize(
    ("typed", "tag"),
    [
        ("#MapleToronto", "#mapletoronto"),
        ("＃Ahorn航空", "#ahorn航空"),
        ("@Maple_Air", "@maple_air"),
        ("@maple.air@social.example", "@maple.air@social.example"),
        ("https://www.Maple.example:443/Toronto/?a=1#top", "maple.example/toronto?a=1"),
        ("http://maple.example/", "maple.example"),
        ("fly.maple.example", "fly.maple.example"),
        ("bit.ly/3xYz", "bit.ly/3xyz"),
    ],
)
def test_tags_are_written_one_way(typed: str, tag: str) -> None:
    assert tags_in(f"\n  {typed} \n{typed}\n") == [tag]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("maple", "“maple” is none of these"),
        ("#", "“#” is none of these"),
        ("#two words", "“#two words” is none of these"),
        ("@", "“@” is none of these"),
        ("ftp://maple.example", "is none of these"),
        ("maple.example two", "is none of these"),
        ("javascript:alert(1)", "is none of these"),
        ("http://[", "is none of these"),
        ("#" + "a" * 200, "is none of these"),
        ("T.co", "Links to t.co are everybody's. Name the page: t.co/…"),
        ("\n".join(f"#a{n}" for n in range(51)), "These are 51 tags. Name at most 50."),
    ],
)
def test_what_is_no_tag_is_refused(typed: str, said: str) -> None:
    with pytest.raises(TagsError) as refused:
        tags_in(typed)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("#maple", "Off we go! #Maple"),
        ("#maple", "(#maple), again"),
        ("#maple", "＃ＭＡＰＬＥ!"),
        ("#ahorn航空", "und#nein dann #Ahorn航空。"),
        ("@maple", "thanks @Maple."),
        ("@maple", ".@maple: what a flight"),
        ("@maple@social.example", "hello @Maple@social.example!"),
        ("maple.example", "see https://www.maple.example/x?y"),
        ("maple.example", "see maple.example."),
        ("maple.example", "fly.maple.example, they say"),
        ("maple.example/toronto", "(https://maple.example/Toronto?utm=1)"),
        ("müller.example", "http://xn--mller-kva.example"),
        ("maple.example/a+b", "maple.example/a+b"),
    ],
)
def test_texts_that_hold_a_tag(tag: str, text: str) -> None:
    assert found(tag, text)


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("#maple", "#maples"),
        ("#maple", "maple"),
        ("#maple", "x#maple"),
        ("#maple", "https://maple.example/#maple"),
        ("@maple", "@maples"),
        ("@maple", "@maple.air"),
        ("@maple", "@maple@elsewhere.example"),
        ("@maple", "me@maple"),
        ("maple.example", "me@maple.example"),
        ("maple.example", "simplemaple.example"),
        ("maple.example", "maple.example.org"),
        ("maple.example", "mapleXexample"),
        ("maple.example/toronto", "maple.example"),
        ("maple.example/toronto", "maple.example/torontonians"),
        ("fly.maple.example", "maple.example"),
        ("#maple", ""),
    ],
)
def test_texts_that_hold_another(tag: str, text: str) -> None:
    assert not found(tag, text)


def test_hashtags_and_links_that_a_network_names_apart() -> None:
    assert found("#maple", None, ["other", "Maple"])
    assert found("#maple", None, ["#MAPLE"])
    assert not found("#maple", None, ["maples"], ["https://maple.example/#maple"])
    assert found("maple.example", None, None, ["https://other.example", "HTTPS://www.Maple.example/x"])
    assert found("maple.example/toronto", None, None, ["https://maple.example/toronto/#seats"])
    assert not found("maple.example", None, None, ["https://other.example/?to=https://maple.example"])
    assert not found("maple.example", None, ["maple.example"], [])


def test_without_tags_nothing_is_found() -> None:
    assert not found("", "anything #at all", ["at"], ["https://all.example"])
