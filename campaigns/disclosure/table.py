"""Labels of advertising: which words count where, and where in a post they have to stand.

Each rule names its source. It is a help to people who look after posts, no legal advice: authorities judge a post as a
whole, and what they recommend changes. `advice` is the one label that the source names first, or plainest.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Where(Enum):
    """Where a label has to stand so that the source doesn't object."""

    BEFORE_MORE = "before what a reader has to open"
    FIRST = "first"
    AMONG_FIRST_TAGS = "among the first three hashtags"


@dataclass(frozen=True, slots=True)
class Rule:
    """What counts as a label in a language, or in a country: words in lower case, each with and without `#`.

    `country` is ISO 3166's two letters, empty for wherever the language is spoken and nothing else is known. `phrases`
    are labels of several words, which count anywhere in a text.
    """

    language: str
    country: str
    advice: str
    words: frozenset[str]
    phrases: frozenset[str]
    where: Where
    source: str


def _rule(
    language: str,
    country: str,
    words: str,
    source: str,
    *,
    phrases: str = "",
    where: Where = Where.BEFORE_MORE,
) -> Rule:
    """Make a rule of words parted by spaces, the first of which is the advice, and phrases parted by commas."""
    some = words.split()
    several = frozenset(phrase.strip() for phrase in phrases.split(",") if phrase.strip())
    return Rule(language, country, f"#{some[0]}", frozenset(some), several, where, source)


_ENGLISH: Final = "paid partnership, paid promotion, paid collaboration, sponsored by"
_GERMAN: Final = "bezahlte werbung, bezahlte partnerschaft, bezahlte werbepartnerschaft, unbezahlte werbung"

# Of the rules of a language the first one holds where the country isn't known.
RULES: Final = (
    _rule(
        "en",
        "US",
        "ad advertisement sponsored paidpartnership paidad",
        "FTC, Guides Concerning Use of Endorsements and Testimonials in Advertising, 16 CFR 255.0 and 255.5 (2023). "
        "FTC, Disclosures 101 for Social Media Influencers (2019): 'ad', 'advertisement', 'sponsored'; not at the end, "
        "not where one has to click 'more', not among a group of hashtags; not 'sp', 'spon', 'collab'.",
        phrases=_ENGLISH,
    ),
    _rule(
        "en",
        "GB",
        "ad advert advertisement advertising",
        "UK CAP Code, rules 2.1 and 2.3; ASA and CMA, Influencers' guide to making clear that ads are ads: 'Ad', "
        "'Advert', 'Advertisement', 'Advertising'; it advises against 'spon', 'sponsored', 'gifted', 'in association "
        "with'. To be seen before one engages with the post.",
    ),
    _rule(
        "de",
        "DE",
        "werbung anzeige",
        "UWG § 5a (4); MStV § 22 (1); Medienanstalten, Leitfaden Werbekennzeichnung bei Online-Medien: 'Werbung' or "
        "'Anzeige', at the beginning of a post, and '#ad', '#sponsored by' not recommended (2017). OLG Celle, 8 June "
        "2017, 13 U 53/17: '#ad' second of six hashtags at the end isn't enough.",
        phrases=_GERMAN,
        where=Where.FIRST,
    ),
    _rule(
        "fr",
        "FR",
        "publicité collaborationcommerciale sponsorisé",
        "Loi n° 2023-451 of 9 June 2023, article 5: 'Publicité' or 'Collaboration commerciale', clear, legible and "
        "identifiable; since ordonnance n° 2024-978 of 6 November 2024 an equivalent mention fit for the medium too.",
        phrases="collaboration commerciale, partenariat rémunéré, contenu sponsorisé",
    ),
    _rule(
        "es",
        "ES",
        "publicidad publi patrocinado anuncio",
        "AEA and AUTOCONTROL, Código de conducta sobre el uso de influencers en la publicidad (2021): 'publicidad', "
        "'publi', 'en colaboración con', 'patrocinado por'.",
        phrases="en colaboración con, patrocinado por, colaboración pagada, alianza pagada",
    ),
    _rule(
        "it",
        "IT",
        "pubblicità adv advertising sponsorizzato ad",
        "IAP, Regolamento Digital Chart: 'Pubblicità', 'Advertising', 'Sponsorizzato da', 'Promosso da', '#ad' or "
        "'#adv' with the brand, at the beginning or among the first three hashtags; AGCM's letters of 2017 and 2018.",
        phrases="sponsorizzato da, promosso da, in collaborazione con, partnership retribuita",
        where=Where.AMONG_FIRST_TAGS,
    ),
    _rule(
        "nl",
        "NL",
        "advertentie reclame adv",
        "Stichting Reclame Code, Reclamecode Social Media & Influencer Marketing: the relation has to be told clearly.",
        phrases="betaald partnerschap, betaalde samenwerking",
    ),
    _rule(
        "pt",
        "BR",
        "publicidade publi publipost patrocinado",
        "CONAR, Guia de Publicidade por Influenciadores Digitais (2021): 'publicidade', 'publi', 'publipost'.",
        phrases="parceria paga, patrocinado por",
    ),
    _rule("pl", "PL", "reklama", "Prezes UOKiK, recommendations for influencers (2022).", phrases="materiał reklamowy"),
    _rule(
        "sv", "SE", "annons reklam", "Marknadsföringslagen (2008:486), 9 §: ads have to be told as such.", phrases=""
    ),
    _rule("da", "DK", "reklame annonce", "Markedsføringsloven § 6 (4): commercial intent has to be told clearly."),
    _rule("no", "NO", "reklame annonse", "Markedsføringsloven § 3: marketing has to appear as such."),
    _rule(
        "ja",
        "JP",
        "pr 広告 宣伝 プロモーション",
        "Consumer Affairs Agency, notification under article 5 (iii) of the Act against Unjustifiable Premiums and "
        "Misleading Representations, in force since 1 October 2023, and its guidelines: "
        "広告, 宣伝, プロモーション, PR.",
    ),
    _rule("ar", "", "إعلان اعلان", "Plain Arabic for an ad; no country's rule was looked up."),
    _rule("he", "", "פרסומת", "Plain Hebrew for an ad; no country's rule was looked up."),
)

# Where neither language nor country is known, or no rule: what is understood nearly everywhere.
GENERAL: Final = RULES[0]

# What people write and what tells readers nothing for sure: FTC, Disclosures 101, and the ASA's guide name these.
VAGUE: Final = frozenset(
    ["sp", "spon", "collab", "ambassador", "brandambassador", "partner", "gifted", "aff", "affiliate", "thanks"]
)


def rule_for(language: str, country: str) -> Rule:
    """Return the rule by which a post is judged: the country's, else the language's, else the general one.

    `language` as networks write it (`pt-BR`, `EN`, `und`), `country` two letters; either may be empty. A country's rule
    holds in its own language only: who writes English in Germany is read by others too.
    """
    spoken, _, region = language.replace("_", "-").partition("-")
    spoken, region = spoken.lower(), (region.rpartition("-")[2].upper() or country.upper())
    if spoken in ("", "und", "mul", "zxx"):
        return next((rule for rule in RULES if rule.country and rule.country == country.upper()), GENERAL)
    of_language = [rule for rule in RULES if rule.language == spoken]
    in_place = [rule for rule in of_language if rule.country == country.upper()]
    in_region = [rule for rule in of_language if rule.country == region]
    return next(iter([*in_place, *in_region, *of_language]), GENERAL)


def advice_for(language: str, country: str) -> str:
    """Return the label to recommend, such as `#werbung`."""
    return rule_for(language, country).advice
