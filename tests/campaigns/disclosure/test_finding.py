"""What is a label, what only looks like one, and how well it stands."""

import unicodedata

import pytest

from campaigns.disclosure import GENERAL, RULES, Remark, Verdict, advice_for, judge, rule_for


def verdict(text: str, language: str = "", country: str = "") -> tuple[str, str]:
    found = judge(text, language=language, country=country)
    assert found is not None
    return found.label, found.remark.value


@pytest.mark.parametrize(
    ("language", "text", "label"),
    [
        ("en", "Flying to Toronto #ad", "#ad"),
        ("en", "Ad: flying to Toronto", "ad"),
        ("en", "[AD] flying", "ad"),
        ("en", "Advertisement\nflying", "advertisement"),
        ("en", "Paid partnership with Maple Air. Flying", "paid partnership"),
        ("en", "#Ａｄ in full width", "#ad"),
        ("de", "Werbung | Flug nach Toronto", "werbung"),
        ("de", "#Anzeige Flug nach Toronto", "#anzeige"),
        ("fr", "Collaboration commerciale avec Maple", "collaboration commerciale"),
        ("fr", "#sponsorisé un vol", "#sponsorisé"),
        ("es", "Vuelo a Toronto #publi", "#publi"),
        ("it", "#pubblicità volo", "#pubblicità"),
        ("it", "volo #adv", "#adv"),
        ("nl", "Vlucht #advertentie", "#advertentie"),
        ("pt-BR", "Voo #publipost", "#publipost"),
        ("ja", "【PR】トロントへ", "pr"),
        ("ja", "トロントへ #広告", "#広告"),
        ("ar", "رحلة إلى تورونتو #إعلان", "#إعلان"),
        ("he", "\u200fטיסה #פרסומת\u200f", "#פרסומת"),
    ],
)
def test_labels(language: str, text: str, label: str) -> None:
    assert verdict(text, language) == (label, "")


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_with_marks_are_the_same_in_either_spelling(form: str) -> None:
    for text in ("#publicité", "Publicité : un vol", "un vol, #Publicité"):
        assert verdict(unicodedata.normalize(form, text), "fr")[0].endswith("publicité")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "New #adidas, good #advice, #adventure, #made",
        "Ad astra per aspera",
        "An ad-free life",
        "Ad-free at last",
        "PR: I run marathons",
        "Werbung nervt",
        "Not sponsored by anybody",
        "This is not a paid partnership",
        "Not an #ad, I just like it",
        "Keine bezahlte Werbung",
        "see https://maple.example/#ad and a#ad",
        "&#ad; ##ad",
        "notpaid partnershipping",
        "#sponsoredby nobody",
    ],
)
def test_what_is_no_label(text: str) -> None:
    assert verdict(text) == ("", "")


def test_a_denial_is_of_the_word_beside_it() -> None:
    assert verdict("No filter #ad") == ("#ad", "")
    assert verdict("Not mine. #ad") == ("#ad", "")


@pytest.mark.parametrize("tag", ["#sp", "#spon", "#collab", "#gifted"])
def test_vague_words_are_none_and_are_named(tag: str) -> None:
    assert verdict(f"Flying {tag}", "en", "US") == ("", "vague")


def test_a_label_among_many_hashtags_counts_with_a_remark() -> None:
    many = "#fly #maple #toronto #travel"
    assert verdict(f"Flying {many} #ad", "en") == ("#ad", "buried")
    assert verdict(f"Flying {many}, @maple, https://maple.example #ad", "en") == ("#ad", "buried")
    assert verdict(f"Flying #ad {many}", "en") == ("#ad", "")
    assert verdict(f"Flying #ad today. {many}", "en") == ("#ad", "")
    assert verdict("Flying #fly #maple #toronto #ad", "en") == ("#ad", "")
    # The same twice: what stands well is what counts.
    assert verdict(f"#ad Flying {many} #ad", "en") == ("#ad", "")


def test_a_label_behind_more_comes_late() -> None:
    assert verdict("x" * 126 + " #ad", "en") == ("#ad", "late")
    assert verdict("x" * 100 + " #ad", "en") == ("#ad", "")


def test_germany_wants_it_first_and_in_its_words() -> None:
    assert verdict("#werbung Toronto", "de", "DE") == ("#werbung", "")
    assert verdict("Toronto #werbung", "de", "DE") == ("#werbung", "not_first")
    assert verdict("#ad Toronto", "de", "DE") == ("#ad", "elsewhere")
    # In English it is read by others too.
    assert verdict("Toronto #ad", "en", "DE") == ("#ad", "")


def test_italy_wants_it_among_the_first_three_hashtags() -> None:
    assert verdict("Volo #uno #due #adv", "it", "IT") == ("#adv", "")
    assert verdict("Volo #uno #due e #tre poi #adv", "it", "IT") == ("#adv", "late")


def test_the_united_kingdom_has_no_sponsored() -> None:
    assert verdict("#sponsored flight", "en", "GB") == ("#sponsored", "elsewhere")
    assert verdict("#sponsored flight", "en", "US") == ("#sponsored", "")
    assert verdict("#sponsored flight", "en-GB") == ("#sponsored", "elsewhere")


def test_hashtags_beside_the_text() -> None:
    assert judge("Flying", ["#Ad"]) == Verdict("#ad")
    assert judge(None, ["ad"], language="de") == Verdict("#ad", Remark.ELSEWHERE)
    assert judge("Flying", ["adidas"]) == Verdict("")
    assert judge("Flying", ["collab"]) == Verdict("", Remark.VAGUE)


@pytest.mark.parametrize("text", [None, "", " \n", "\u200e"])
def test_without_a_text_nothing_can_be_said(text: str | None) -> None:
    assert judge(text) is None
    assert judge(text, ["maple"]) is None


@pytest.mark.parametrize(
    ("language", "country", "rule"),
    [
        ("de", "AT", ("de", "DE")),
        ("EN", "GB", ("en", "GB")),
        ("en_GB", "", ("en", "GB")),
        ("zh-Hant-TW", "", ("en", "US")),
        ("", "FR", ("fr", "FR")),
        ("und", "", ("en", "US")),
        ("xx", "FR", ("en", "US")),
    ],
)
def test_whose_rule_holds(language: str, country: str, rule: tuple[str, str]) -> None:
    found = rule_for(language, country)
    assert (found.language, found.country) == rule


def test_the_table_is_in_order() -> None:
    assert GENERAL.language == "en"
    assert len({(rule.language, rule.country) for rule in RULES}) == len(RULES)
    for rule in RULES:
        for word in [*rule.words, *rule.phrases]:
            assert word == unicodedata.normalize("NFKC", word).lower()
        assert rule.source.endswith(".")
        # What is recommended is found, without a remark, where it is recommended.
        assert verdict(f"{rule.advice} Toronto", rule.language, rule.country) == (rule.advice, "")
    assert advice_for("de", "") == "#werbung"
