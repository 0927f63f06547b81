"""A table of labelled texts: its classes, the lengths of its texts, what is left out."""

from pathlib import Path

import numpy as np

from rnnreg.data.given import labelled_texts, read_texts
from rnnreg.data.tables import read_frame
from rnnreg.errors import UserError, unknown
from rnnreg.trying import delimited
from rnnreg.trying.understood import Understood, listed, one_line

LEAST = 5  # texts of a class
CLASSES = 100  # and of how many classes
LONGEST = 200  # words that a network of minutes reads


def understand(file: Path, text: str, label: str, encoding: str | None = None) -> Understood:
    """What is to be classified of a table; UserError where that cannot be."""
    is_text = file.suffix.lower() in (".csv", ".tsv", ".txt")
    options = delimited.options(file, encoding) if is_text else {}
    options.pop("na_values", None)  # "?" may be a text
    if is_text:
        options |= {"keep_default_na": False, "na_values": [""]}  # "None" and "NA" may be classes
    _check_columns(file, text, label, options)
    (cases, labels), left_out = labelled_texts(file, text, label, LEAST, options)
    if not cases:
        _, counts = labelled_texts(file, text, label, 1, options)
        raise UserError(
            f"{file}: column '{label}': no label has {LEAST} texts or more, which it takes to "
            f"train, validate and test ({_reasons(counts)}). Remedy: name the column of the "
            "classes; numbers that differ from row to row are no classes."
        )
    classes = sorted(set(labels))
    if len(classes) == 1:
        raise UserError(
            f"{file}: column '{label}': one class, '{classes[0]}', with {LEAST} texts or more; "
            "expected two or more. Remedy: name the column of the classes, or a file with others."
        )
    if len(classes) > CLASSES:
        raise UserError(
            f"{file}: column '{label}': {len(classes)} classes for {len(cases)} texts, allowed are "
            f"{CLASSES}. Remedy: name the column of the classes; a number to be foretold is none."
        )
    lengths = np.array([len(case) for case in cases])
    longest = int(min(np.percentile(lengths, 95), LONGEST))
    cut = bool((lengths > longest).any())
    arguments = {"text": text, "label": label, "least": LEAST}
    arguments |= {"longest": longest} if cut else {}
    arguments |= options
    splits = read_texts(file, **arguments)
    return Understood(
        file,
        "NLP",
        one_line(f"Which {label} has a {text}?"),
        "Classification()",
        "read_texts",
        arguments,
        splits,
        _told(file, cases, labels, left_out, splits, longest if cut else None, options),
        {f"class {name}": f"{labels.count(name)} texts" for name in classes}
        | {"first text": " ".join(cases[0][:20]), "vocabulary": f"{splits.symbols:,} words"},
    )


def _check_columns(file: Path, text: str, label: str, options: dict) -> None:
    frame = read_frame(file, **options)
    names = [str(name) for name in frame.columns]
    for option, name in (("--text", text), ("--label", label)):
        if name not in names:
            raise unknown(f"{option}: {file}: column", name, names)
    if text == label:
        raise UserError(f"--text and --label: given '{text}' for both. Remedy: two columns.")
    column = dict(zip(names, frame.columns, strict=True))
    for option, name in (("--text", text), ("--label", label)):
        share = frame[column[name]].isna().mean()
        if share > 0.5:
            raise UserError(
                f"{option}: {file}: column '{name}': {share:.0%} of its cells are missing. Remedy: "
                "name another column, or leave those rows out."
            )
    if not frame[column[text]].map(lambda cell: isinstance(cell, str)).any():
        raise UserError(
            f"--text: {file}: column '{text}' holds no text, {str(frame[column[text]].iloc[0])!r} "
            f"in row 0. Remedy: name the column of the texts, of {listed(names)}."
        )


def _reasons(counts: dict) -> str:
    return ", ".join(f"{what}: {n}" for what, n in counts.items() if n) or "all labels differ"


def _told(file, cases, labels, left_out, splits, longest, options) -> dict:
    how = delimited.described(options)
    told = {"file": f"{file.name}, {len(cases):,} texts{f', {how}' if how else ''}"}
    count = {name: labels.count(name) for name in sorted(set(labels))}
    told["classes"] = listed([f"{name} ({n})" for name, n in count.items()])
    lengths = np.array([len(case) for case in cases])
    told["lengths"] = f"{lengths.min()} to {lengths.max()} words, median {np.median(lengths):.0f}"
    told["lengths"] += f"; cut at {longest}" if longest else ""
    if any(left_out.values()):
        told["left out"] = _reasons({k.replace(", left out", ""): n for k, n in left_out.items()})
    sizes = splits.counts["sequences"]
    told["split"] = (
        f"a part of each class at random, the same each time: {sizes['train']:,} train, "
        f"{sizes['validation']:,} validate, {sizes['test']:,} test; no text is in two"
    )
    return told
