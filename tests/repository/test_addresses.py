"""No tracked file holds the address of a package index, or a path of a developer's machine.

Packages come from wherever the machine that installs them is told to get them; hashes say that they are the right ones.
"""

import re
import subprocess
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parents[2]
IGNORED = {".git", ".venv", ".data", "test-results"}

# Written so that no pattern finds itself.
FORBIDDEN = {
    "option that names a package index": r"-[-](extra-)?index-url|-[-]find-links|-[-]default-index",
    "address of a package index": r"https?://[^\s\"'<>]*/(simple|packages)(?![\w-])|files[.]pythonhosted[.]org",
    "registry of packages": r"\"resolved\": *\"http|\bregistry *= *\"?http|\[\[(tool[.]uv[.])?index\]\]",
    "path of a developer's machine": r"(?<![\w.:/-])/(home|Users|root|work|farm)/[\w.]|\b[A-Z]:\\\\?Users\\",
}


def findings(text: str) -> list[str]:
    """Return what is forbidden in a text, with its line."""
    return [
        f"{number}: {what}: {line.strip()[:120]}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in FORBIDDEN.items()
        if re.search(pattern, line)
    ]


def files() -> list[Path]:
    """Return the files of the project: those that git tracks or would, or all where this is no repository."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=BASE_DIR,
            capture_output=True,
            check=True,
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return [
            path
            for path in BASE_DIR.rglob("*")
            if path.is_file() and IGNORED.isdisjoint(path.relative_to(BASE_DIR).parts)
        ]
    found = (BASE_DIR / name.decode() for name in listed.stdout.split(b"\0") if name)
    return [path for path in found if path.is_file()]


def test_no_file_holds_an_index_or_a_path_of_this_machine() -> None:
    looked_at = files()
    assert BASE_DIR / "requirements" / "runtime.txt" in looked_at
    found = []
    for path in looked_at:
        text = path.read_bytes().decode(errors="replace")
        if "\0" not in text:  # a picture
            found += [f"{path.relative_to(BASE_DIR)}:{finding}" for finding in findings(text)]
    assert found == []


def test_every_requirement_has_a_hash() -> None:
    for name in ("install", "runtime", "spark", "dev"):
        text = (BASE_DIR / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
        for line in text.splitlines():
            assert re.fullmatch(r"[\w.-]+==\S+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+", line), line


@pytest.mark.parametrize(
    "line",
    [
        "-" + "-index-url https" + "://mirror.example/pypi/web/",
        "-" + "-extra-index-url=https" + "://mirror.example/",
        "-" + "-find-links /opt/wheels",
        'index = "https' + '://pypi.org/simple"',
        "https" + "://mirror.example/root/pypi/+simple/".replace("+", ""),
        "https" + "://files.pythonhosted" + ".org/x.whl",
        '"resolved": ' + '"https://registry.example/left-pad.tgz"',
        "registry " + "= https://registry.example",
        "[[tool.uv." + "index]]",
        "see /" + "home/me/sway/data",
        'Path("/' + 'Users/me/sway")',
        "C:" + "\\Users\\me",
        "cd /" + "root/sway",
    ],
)
def test_what_is_found(line: str) -> None:
    assert len(findings(f"first\n{line}\n")) == 1
    assert findings(f"first\n{line}\n")[0].startswith("2: ")


@pytest.mark.parametrize(
    "line",
    [
        'path("home/", home, name="home")',
        "https://sway.example/home/me",
        "folders such as /root, in which data may lie",
        "https://schema.example/simple-types",
        "a simple/plain text",
        "../shared/data",
        "/srv/sway/.data",
    ],
)
def test_what_is_let_through(line: str) -> None:
    assert findings(line) == []
