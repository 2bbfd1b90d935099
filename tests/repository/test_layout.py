"""The project's own rules about its files."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _tracked(*patterns: str) -> list[str]:
    listed = subprocess.run(["git", "ls-files", "--", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.split()


def test_no_module_is_called_utils() -> None:
    named = [path for path in _tracked("*.py") if Path(path).stem in {"utils", "helpers", "common", "misc"}]
    assert named == []


def test_pictures_that_the_readme_shows_exist() -> None:
    import re

    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    assert shown
    assert [path for path in shown if not (ROOT / path).is_file()] == []


def test_links_between_documents_lead_somewhere() -> None:
    import re

    for document in _tracked("*.md"):
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", (ROOT / document).read_text()):
            assert ((ROOT / document).parent / target).exists(), f"{document} → {target}"
