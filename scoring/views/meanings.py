"""What each parameter of the formula means, in the words of the engine's own documentation."""

import ast
import re
from functools import cache
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[1] / "engine" / "parameters.py"
_LINE = re.compile(r"(?P<names>\w+(?:, \w+)*) : \w+")


@cache
def meanings() -> dict[str, str]:
    """Return the sentence of each parameter in the docstring of `scoring.engine.Parameters`.

    It is read from the file: importing the engine, with the libraries that it needs, would cost every web process a
    second and its memory for nothing else.
    """
    tree = ast.parse(_SOURCE.read_text(encoding="utf-8"))
    (parameters,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Parameters"]
    lines = (ast.get_docstring(parameters) or "").splitlines()
    found: dict[str, str] = {}
    names: list[str] = []
    for line in lines[lines.index("Attributes") + 2 : lines.index("Raises")]:
        stated = _LINE.fullmatch(line)
        if stated:
            names = stated["names"].split(", ")
        elif line.startswith("    "):
            for name in names:
                found[name] = f"{found.get(name, '')} {line.strip()}".strip()
    return found
