"""`rnnreg new KIND NAME`: a commented file to start from, which passes its tests as it is."""

from importlib.resources import files
from pathlib import Path

from rnnreg.errors import UserError
from rnnreg.study import records, registry, schema, study

STUDY, COMBINATION = "study", "combination"
KINDS = (*registry.FOLDERS, COMBINATION, STUDY)
REGULARIZER = (
    "python -m pytest tests/test_contract.py -k {name}\n"
    "python -m pytest {path}\nrnnreg train us_macro lstm {name}"
)
NEXT = {
    "benchmark": "rnnreg download {name} && rnnreg prepare {name} && rnnreg train {name} lstm none",
    "regularizer": REGULARIZER,
    COMBINATION: REGULARIZER,
    "cell": "python -m pytest tests/test_contract.py -k {name}\nrnnreg train us_macro {name} none",
    STUDY: "rnnreg run {path}",
}  # fmt: skip


def make(kind: str, name: str) -> tuple[Path, str]:
    """Write the file; where it is, and what to do next. UserError where the name is none, or taken.

    A study may also be named by the path of its file.
    """
    file = _file(kind, name)
    if file.exists():
        raise UserError(f"new {kind}: {file} is there already. Remedy: another name.")
    name = file.stem
    words = name.replace("_", " ")
    text = (files("rnnreg") / "templates" / f"{kind}.txt").read_text(encoding="utf-8")
    made = {
        "name": name,
        "title": words[:1].upper() + words[1:],
        "class_name": "".join(part.capitalize() for part in name.split("_")),
        "path": name if file.parent == study.STUDIES else file,
    }
    records.write_text(file, text.format(**made))
    shown = registry.short(file)
    return file, NEXT[kind].format(name=name, path=shown if kind != STUDY else made["path"])


def _file(kind: str, name: str) -> Path:
    """Where a file of that name belongs."""
    if kind == STUDY:
        file = study.file(name)
        schema.check_study_name(f"new study: {name}", file.stem)
        return file
    if not (name.isidentifier() and name.isascii()) or name.startswith("_") or name == "base":
        raise UserError(
            f"new {kind}: given '{name}', allowed are letters, digits and '_', no digit and no '_' "
            "first: it names a file, commands and columns of tables."
        )
    return registry.FOLDERS["regularizer" if kind == COMBINATION else kind] / f"{name}.py"
