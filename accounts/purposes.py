"""What scores may be used for: a campaign and an API key say so in writing, and four uses are refused in any case.

A score tells who moves an audience. Who gets a job, credit, insurance or a home isn't to depend on that: these are what
the law knows as decisions that weigh on a life (the Fair Credit Reporting Act, 15 U.S.C. 1681b, names credit, insurance
and employment; the Fair Housing Act, 42 U.S.C. 3604, housing; the GDPR's recital 71 credit and recruiting).
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

# A purpose in fewer letters says nothing.
SHORTEST: Final = 15
LONGEST: Final = 1000


class PurposeRefused(Exception):
    """Not a use that scores may be put to, or none; the message is a sentence for whoever wrote it."""


# Words by use, `*` for any ending; in English, German, French, Spanish and Italian. Left out are those that mean
# something else as often: to rent a car, "candidate", "prêt", "seguro".
_WORDS: Final = {
    "work": """
        job jobs hire hires hired hiring employ* employment recruit* applicant* headhunt*
        bewerb* stellenbesetzung personalauswahl personalentscheidung* mitarbeiterauswahl
        emploi* embauche* recrut* empleo* reclut* contratación assunzion*
    """,
    "credit": """
        credit creditworth* loan loans lending lender* mortgage* overdraft*
        kredit* darlehen* bonität* crédit* hypothèque* solvabilité crédito* préstamo* hipoteca* solvencia
        prestito prestiti mutuo mutui
    """,
    "insurance": "insurance insure* insuring underwrit* versicher* assurance* assureur* aseguradora* assicura*",
    "housing": """
        housing tenant* tenancy landlord* mieter* mietvertrag* wohnungsvergabe wohnungssuche
        logement* locataire* vivienda* inquilin* alloggi*
    """,
}


def _pattern(words: Iterable[str]) -> re.Pattern[str]:
    each = (re.escape(_plain(word)).replace(r"\*", r"\w*") for word in words)
    return re.compile(rf"(?<!\w)(?:{'|'.join(each)})(?!\w)")


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


_PATTERNS: Final = {use: _pattern(words.split()) for use, words in _WORDS.items()}


def refused_use(purpose: str) -> tuple[str, str] | None:
    """Find a use that is refused in what somebody wrote.

    Words alone can't tell a decision about somebody's loan from a bank's concert, so whoever writes is to be told the
    word.

    Parameters
    ----------
    purpose : str
        In any of the five languages, upper or lower case.

    Returns
    -------
    tuple of str or None
        The use ('work', 'credit', 'insurance' or 'housing') and the word that names it; None where there is none.

    Examples
    --------
    >>> refused_use("Choose whom to hire")
    ('work', 'hire')
    >>> refused_use("Offer a free flight to whom people in Toronto listen to") is None
    True
    """
    text = _plain(purpose)
    for use, pattern in _PATTERNS.items():
        if found := pattern.search(text):
            return use, found.group()
    return None


def purpose_in(text: str) -> str:
    """Return what somebody wrote as one line, as it is kept.

    Raises
    ------
    PurposeRefused
        It is too short to say anything, too long, or names a use that is refused.
    """
    purpose = " ".join(text.split())
    if len(purpose) < SHORTEST:
        raise PurposeRefused("Say it in a sentence: whom the scores choose, and what for.")
    if len(purpose) > LONGEST:
        raise PurposeRefused(f"Say it in {LONGEST:,} letters at most.")
    if found := refused_use(purpose):
        use, word = found
        raise PurposeRefused(
            f"Scores may not be used to decide about work, credit, insurance or housing, and “{word}” is about {use}. "
            "If nothing of the kind is decided, say what is done without that word."
        )
    return purpose
