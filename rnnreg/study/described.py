"""What a regularizer's file says of itself, in words: read, not imported."""

import ast
import math
import re

from rnnreg.errors import UserError
from rnnreg.study import registry, schema, search

UNLIKE = "Unlike"  # a comment that starts so tells where a paper is left
HELPS = "Suits"  # a paragraph of the class's docstring that starts so tells when it helps
SUITS = "suits"


def grouped() -> dict[str, list[str]]:
    """All regularizers by group, the groups in the order of the base class's GROUPS."""
    found = {group: [] for group in registry.constants("regularizer")["GROUPS"]}
    for name in registry.names("regularizer"):
        found.setdefault(_group(name), []).append(name)
    return {group: names for group, names in found.items() if names}


def _group(name: str) -> str:
    try:
        return registry.facts("regularizer", name)["group"]
    except UserError:  # what ships can be read
        return "own"


def does(name: str) -> str:
    """The class's docstring without its examples, and without what it helps with."""
    return "\n\n".join(text for text in _paragraphs(name) if not text.startswith(HELPS))


def helps(name: str) -> str:
    """What it is shown to help with: the paragraph of the docstring that starts with Suits."""
    found = (text for text in _paragraphs(name) if text.startswith(HELPS))
    return " ".join(next(found, "").split())


def equations(name: str) -> dict[str, str]:
    """Hook -> the first paragraph of its docstring, which has the formula.

    Of a combination, those of all parts, as in `l2: penalty`.
    """
    found = {}
    for part in parts(name):
        found |= {f"{part}: {hook}": text for hook, text in equations(part).items()}
    for hook in _hooks(name):
        text = ast.get_docstring(hook)
        if text and hook.name != SUITS:
            found[hook.name] = " ".join(text.partition("\n\n")[0].split())
    return found


def parts(name: str) -> dict[str, float]:
    """The parts of a combination, with their strengths at strength 1; {} for any other."""
    return registry.facts("regularizer", name).get("ratios", {})


def unsuited(name: str) -> list[str]:
    """The reasons that `suits` gives where the regularizer makes no sense."""
    found = [reason for part in parts(name) for reason in unsuited(part)]
    for hook in (h for h in _hooks(name) if h.name == SUITS):
        returned = [n for n in ast.walk(hook) if isinstance(n, ast.Return) and n.value]
        returned.sort(key=lambda node: node.lineno)
        found += [text for node in returned for text in _texts(node.value)]
    return list(dict.fromkeys(found))


def departures(name: str) -> list[str]:
    """Comments of the file that say where it leaves the paper."""
    file = registry.path("regularizer", name)
    blocks = re.findall(r"(?:^ *#.*\n)+", file.read_text(encoding="utf-8"), flags=re.M)
    told = (" ".join(line.strip(" #") for line in block.splitlines()) for block in blocks)
    return [text for text in told if text.startswith(UNLIKE)]


def strengths(name: str) -> str:
    """What strengths there are, which of them is none, and which are searched or tried."""
    facts = registry.facts("regularizer", name)
    grid = schema.grid("", name, None)
    low, high = facts["range"]
    if low == high:
        return f"{low:g} alone{'' if facts['off'] == low else '; never off'}"
    allowed = f"from {low:g}" + (f" to {high:g}" if math.isfinite(high) else " up")
    off = f"off at {facts['off']:g}" if low <= facts["off"] <= high else "never off"
    (first, last), scale = search.strengths("", name, None)
    searched = f"searched from {first:g} to {last:g} on a {scale} scale"
    if first == last:
        searched = "not searched"
    return f"{allowed}; {off}; {searched}; a grid has {', '.join(f'{s:g}' for s in grid)}"


def authors(source: str) -> str:
    """Who and when, as a citation in brackets has it.

    >>> authors("Merity, McCann and Socher 2017, Revisiting Activation Regularization")
    'Merity et al. 2017'
    >>> authors("Zou and Hastie 2005, Regularization"), authors("a recipe, in no paper")
    ('Zou and Hastie 2005', 'a recipe')
    """
    who = re.match(r"(\D+?) (\d{4})\b", source)
    if not who or not source[0].isupper():
        return source.partition(",")[0]
    several = re.split(r", | and ", who[1])
    short = who[1] if len(several) < 3 else f"{several[0]} et al."
    return f"{short} {who[2]}"


def _paragraphs(name: str) -> list[str]:
    """Those of the class's docstring without its examples."""
    doc = registry.facts("regularizer", name)["doc"]
    plain = re.sub(r"^>>> .*?(\n\n|\Z)", "", doc, flags=re.M | re.S).strip()
    return plain.split("\n\n")


def _hooks(name: str) -> list[ast.FunctionDef]:
    body = registry.definition("regularizer", name).body
    return [n for n in body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]


def _texts(value: ast.expr) -> list[str]:
    """The texts in an expression that are not empty; what is formatted in stands as ..."""
    if isinstance(value, ast.JoinedStr):
        pieces = (p.value if isinstance(p, ast.Constant) else "..." for p in value.values)
        return ["".join(pieces)]
    if isinstance(value, ast.Constant):
        return [value.value] if isinstance(value.value, str) and value.value else []
    if isinstance(value, ast.IfExp):  # without its condition
        return _texts(value.body) + _texts(value.orelse)
    return [t for child in ast.iter_child_nodes(value) for t in _texts(child)]
