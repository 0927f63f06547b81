"""Rows of a study one by one, in place of every benchmark x cell x regularizer.

rows:
  jsb_chorales@small: {gru: [none, weight_noise], lstm: [none]}
  etth1: {lstm: [none]}
"""

from rnnreg.errors import UserError, unknown
from rnnreg.study import registry, schema
from rnnreg.study.variants import base

KEY = "rows"
Names = tuple[str, str, str]


def lists(
    where: str, given: dict, named: tuple[str, ...], combined: list[str]
) -> tuple[dict, set[Names] | None]:
    """The study with its three lists, and which of their products are rows; None: all are.

    `named` are the keys of the three lists, `combined` regularizers that have no file.
    """
    if KEY not in given:
        return given, None
    for key in named:
        if key in given:
            raise UserError(
                f"{where}: {key}: given beside '{KEY}', which names benchmarks, cells and "
                f"regularizers itself. Remedy: leave one of them out."
            )
    found = {}
    for benchmark, cells in given[KEY].items():
        if base(str(benchmark)) not in registry.names("benchmark"):
            raise unknown(f"{where}: {KEY}", base(str(benchmark)), registry.names("benchmark"))
        at = f"{where}: {KEY}: {benchmark}"
        schema.check_mapping(at, cells, dict.fromkeys(registry.names("cell"), list))
        for cell, names in cells.items():
            known = [*registry.names("regularizer"), *combined]
            schema.check_names(f"{at}: {cell}", names, known)
            found |= dict.fromkeys((benchmark, cell, name) for name in names)
    if not found:
        raise UserError(f"{where}: {KEY}: names no row; give one, or the three lists instead.")
    each = (list(dict.fromkeys(part)) for part in zip(*found, strict=True))
    return {**given, **dict(zip(named, each, strict=True))}, set(found)
