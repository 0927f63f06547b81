"""Groups of tensors in one mapping, and back: what a snapshot of a population is made of."""

from collections import defaultdict

from rnnreg.trace import Params


def joined(**groups: Params) -> Params:
    """The tensors of all groups in one, named group/name.

    >>> joined(a={"x": 1}, b={"y": 2})
    {'a/x': 1, 'b/y': 2}
    """
    return {f"{group}/{name}": t for group, own in groups.items() for name, t in own.items()}


def parted(tensors: Params) -> dict[str, Params]:
    """The groups that were `joined`; one that is not there is empty."""
    groups: dict[str, Params] = defaultdict(dict)
    for name, t in tensors.items():
        group, _, own = name.partition("/")
        groups[group][own] = t
    return groups
