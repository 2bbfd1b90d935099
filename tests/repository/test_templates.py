"""Our templates stand beside Unfold's, which come with its own version, and never in their place."""

from pathlib import Path

import unfold

OURS = Path(__file__).resolve().parents[2] / "templates"
THEIRS = Path(unfold.__file__).parent / "templates"


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*.html")}


def test_no_template_of_unfold_is_overridden() -> None:
    ours, theirs = _names(OURS), _names(THEIRS)
    assert len(ours) > 50
    assert len(theirs) > 50
    assert ours & theirs == set()
