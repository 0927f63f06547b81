"""The folder is the registry: a file's name is the name of the one class in it.

The file shipped.txt of each folder lists the names that ship with the project. A file that is
not listed is somebody's own: it has a name like any other, and enters the studies that ask for it.

`names` and `facts` read files without importing them, so listing what there is needs no torch
and cannot be broken by a file that does not import. `load` imports.
"""

import ast
import importlib
import importlib.util
import math
import os
import sys
from functools import cache
from pathlib import Path

from rnnreg.errors import UserError, unknown

PACKAGE = Path(__file__).resolve().parents[1]  # where the base classes are, whatever the root
SHIPPED = PACKAGE / "shipped"  # what a wheel carries of the project's root (setup.py)
ROOT = SHIPPED if SHIPPED.is_dir() else PACKAGE.parent
FOLDERS = {
    "benchmark": ROOT / "benchmarks",
    "cell": PACKAGE / "cells",
    "regularizer": PACKAGE / "regularizers",
}
BASES = {
    "benchmark": ("rnnreg.data.benchmark", "Benchmark"),
    "cell": ("rnnreg.cells.base", "Cell"),
    "regularizer": ("rnnreg.regularizers.base", "Regularizer"),
}


def names(kind: str) -> list[str]:
    """Names of all benchmarks, cells or regularizers, sorted."""
    files = os.listdir(FOLDERS[kind])  # noqa: PTH208 - a study asks thousands of times
    known = (f[:-3] for f in files if f.endswith(".py") and not f.startswith("_"))
    return sorted(name for name in known if name != "base")


def shipped(kind: str) -> list[str]:
    """Names of those that ship with the project, sorted."""
    listed = (FOLDERS[kind] / "shipped.txt").read_text(encoding="utf-8").split()
    return [name for name in names(kind) if name in listed]


def groups(kind: str) -> dict[str, list[str]]:
    """Names of those that ship with the project, by the group that their files name."""
    found: dict[str, list[str]] = {}
    for name in shipped(kind):
        if group := facts(kind, name).get("group"):
            found.setdefault(group, []).append(name)
    return found


def path(kind: str, name: str, where: str = "") -> Path:
    """The file of a name; UserError where there is none, or where it cannot be a name."""
    if name not in names(kind):
        raise unknown(where or kind, name, names(kind))
    file = FOLDERS[kind] / f"{name}.py"
    if not name.isidentifier():
        raise UserError(
            f"{short(file)}: '{name}' stands in paths, commands and tables. Allowed are letters, "
            "digits and '_', no digit first. Remedy: rename the file."
        )
    return file


def short(file: Path) -> str:
    """A path as messages show it: from the project's root where it lies there."""
    for root in (ROOT, PACKAGE.parent):
        if file.is_relative_to(root):
            return str(file.relative_to(root))
    return str(file)


def facts(kind: str, name: str) -> dict:
    """Class attributes with literal values, and the docstring, read off the file's syntax tree.

    Attributes that the file leaves out come from the kind's base class.
    """
    found = definition(kind, name)
    default = next(c for c in _base(kind).body if getattr(c, "name", "") == BASES[kind][1])
    doc = ast.get_docstring(found) or ""
    return {**_literals(default), **_literals(found), "name": name, "doc": doc}


def definition(kind: str, name: str) -> ast.ClassDef:
    """The one class in the file of that name, as a syntax tree."""
    base = BASES[kind][1]
    bases = (base, "Combination") if kind == "regularizer" else (base,)
    found = _classes(path(kind, name), bases)
    if len(found) != 1:
        raise _not_one(path(kind, name), base, [c.name for c in found])
    return found[0]


def constants(kind: str) -> dict:
    """The literal values at the top of the base class's module: GROUPS of regularizers, say."""
    return _literals(_base(kind))


def _base(kind: str) -> ast.Module:
    module = BASES[kind][0]
    return _tree(PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py"))


@cache
def load(kind: str, name: str) -> type:
    """The one class in the file of that name."""
    file = path(kind, name)
    module_name, base_name = BASES[kind]
    base = getattr(importlib.import_module(module_name), base_name)
    if kind == "benchmark":  # lies outside the package
        spec = importlib.util.spec_from_file_location(f"benchmarks.{name}", file)
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(f"{module_name.rpartition('.')[0]}.{name}")
    here = (v for v in vars(module).values() if isinstance(v, type))
    found = [c for c in here if issubclass(c, base) and c.__module__ == module.__name__]
    if len(found) != 1:
        raise _not_one(file, base_name, [c.__name__ for c in found])
    return found[0]


def _not_one(file: Path, base: str, found: list[str]) -> UserError:
    given = f"{len(found)} ({', '.join(found)})" if found else "none"
    others = [(c.name, a) for c in _classes(file) for a in _bases(c) if a]
    if not found and others:
        own, above = others[0]
        combined = f"and name {above} in a Combination, " if base == "Regularizer" else ""
        return UserError(
            f"{short(file)}: a file here must define exactly one subclass of {base}, found none: "
            f"{own} derives from {above}. Remedy: derive it from {base} itself, {combined}or write "
            "what it changes anew."
        )
    return UserError(
        f"{short(file)}: a file here must define exactly one subclass of {base}, found {given}. "
        "Put each in a file of its own; the file's name becomes its name."
    )


@cache
def _parse(file: Path, modified: int) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise UserError(f"{short(file)}:{error.lineno}: not valid Python: {error.msg}") from error


def _tree(file: Path) -> ast.Module:
    return _parse(file, file.stat().st_mtime_ns)


def _classes(file: Path, bases: tuple[str, ...] = ()) -> list[ast.ClassDef]:
    """The classes of a file; with `bases`, those that derive from one of them."""
    classes = [node for node in _tree(file).body if isinstance(node, ast.ClassDef)]
    return [c for c in classes if not bases or {*_bases(c)} & {*bases}]


def _bases(node: ast.ClassDef) -> list[str]:
    return [getattr(b, "id", getattr(b, "attr", "")) for b in node.bases]


@cache  # nodes are those of `_parse`
def _literals(node: ast.ClassDef | ast.Module) -> dict:
    values = {}
    for item in node.body:
        targets = item.targets if isinstance(item, ast.Assign) else [getattr(item, "target", None)]
        if isinstance(item, ast.Assign | ast.AnnAssign) and item.value is not None:
            try:
                values[targets[0].id] = ast.literal_eval(_Infinity().visit(_copy(item.value)))
            except ValueError:
                continue  # not a literal: a call, say. Such an attribute is for `load`.
    return values


def _copy(node: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(node), mode="eval").body


class _Infinity(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(math.inf) if node.id == "inf" else node
