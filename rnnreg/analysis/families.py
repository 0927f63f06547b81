"""Which comparisons are told together: a correction counts those of one family and no others.

The eight regularizers of the study's question (`none` among them) are one family; each further
group of regularizers that ship with the project is one; a file of a user's own is one by itself.
So another row in a study changes no verdict on a row of another family.
"""

REFERENCE = "none"
MISSION = (
    "l1", "l2", "dropout", "recurrent_dropout", "early_stopping", "clip_norm", "clip_value",
)  # fmt: skip


def family(name: str, facts: dict) -> str:
    """The family of a regularizer, from its name and what study.json says of it.

    >>> family("l1", {}), family("zoneout", {"shipped": True, "group": "masks"}), family("mine", {})
    ('the eight', 'masks', 'mine')
    """
    if name in MISSION or name == REFERENCE:
        return "the eight"
    return (facts.get("group") or name) if facts.get("shipped") else name


def families(facts: dict[str, dict], names: list[str]) -> dict[str, list[int]]:
    """Family -> the places of its members in `names`; `none` has no place.

    >>> families({"mine": {}}, ["none", "l1", "mine", "l2"])
    {'the eight': [1, 3], 'mine': [2]}
    """
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        if name != REFERENCE:
            found.setdefault(family(name, facts.get(name, {})), []).append(place)
    return found
