"""The text of a study file -> mappings, lists, text, numbers, true, false and null.

YAML 1.1 reads 010 as 8, 1:30 as 90 and yes as true, and keeps the last of two equal keys. Here a
number is written in decimals and everything else is text; equal keys, tags, anchors and aliases are
refused.
"""

import math
import re
from pathlib import Path

import yaml

from rnnreg.errors import UserError

DIGITS = 18  # a longer whole number counts nothing in a study
WHOLE = r"[-+]?(0|[1-9][0-9]*)"
REAL = rf"{WHOLE}(\.[0-9]*)?([eE][-+]?[0-9]+)?|[-+]?\.[0-9]+([eE][-+]?[0-9]+)?"
PLAIN = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": WHOLE,
    "float": rf"{REAL}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}


def read(file: Path, where: str) -> object:
    """What a file says; UserError, with `where` and the line, where it cannot be read."""
    try:
        return yaml.load(file.read_bytes().decode("utf-8-sig"), _Loader)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{where}: not UTF-8 text (at byte {error.start}). Remedy: save the file as UTF-8."
        ) from error
    except OSError as error:
        raise UserError(
            f"{where}: cannot be read ({error.strerror}). Remedy: give this user permission to "
            "read the file."
        ) from error
    except RecursionError as error:
        raise UserError(f"{where}: not a study: lists or mappings nested too deep.") from error
    except _RefusedError as error:
        line = error.problem_mark.line + 1
        raise UserError(f"{where}: line {line}: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise UserError(f"{where}: not valid YAML: {error}") from error


class _RefusedError(yaml.MarkedYAMLError):
    """Valid YAML that means something else than it seems to."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or event.anchor or event.tag:
            raise _refused("a tag (!), an anchor (&) or an alias (*); write the value out", event)
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _refused(f"the key '{key.value}' is given twice; give it once", key)
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node):
        if len(node.value) > DIGITS:
            raise _refused(f"a whole number of more than {DIGITS} digits", node)
        return int(node.value)

    def construct_yaml_float(self, node):
        value = super().construct_yaml_float(node)
        if math.isinf(value) and "inf" not in node.value.lower():
            raise _refused(f"{node.value[:DIGITS]}: the number is too large", node)
        return value


def _refused(problem: str, at: yaml.Event | yaml.Node) -> _RefusedError:
    return _RefusedError(problem=problem, problem_mark=at.start_mark)


for _name, _pattern in PLAIN.items():
    _tag = f"tag:yaml.org,2002:{_name}"
    _Loader.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), None)
for _name in ("int", "float"):
    _tag, _construct = f"tag:yaml.org,2002:{_name}", getattr(_Loader, f"construct_yaml_{_name}")
    _Loader.add_constructor(_tag, _construct)
