"""What axe finds on a page that keeps people from using it."""

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_RULES: Final = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    # Of what passes one node is enough: a list has hundreds.
    "resultTypes": ["violations"],
}
# Not of our making: the rule, and what stands in the selector of the element.
NOT_OURS: Final = (
    # Django's admin brings Select2 4, which names neither its box for several values nor the one for a single value by
    # the field's label; unfold styles it.
    ("label", "select2-search__field"),
    ("aria-input-field-name", "select2-id_"),
)


def serious(page: Page) -> list[str]:
    """Return the serious and critical findings of ours, each as its rule and the element's selector."""
    found: Any = Axe().run(page, options=_RULES).response
    nodes = [
        (rule["id"], " ".join(map(str, node["target"])))
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]
    return [f"{rule}: {where}" for rule, where in nodes if not any(rule == r and part in where for r, part in NOT_OURS)]
