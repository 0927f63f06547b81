"""The answer in sentences, from what tried.json holds."""

import math

from rnnreg.analysis.tables import show
from rnnreg.analysis.words import count
from rnnreg.trying.rounds import NONE


def answer(found: dict) -> list[str]:
    """Sentences: which regularizer, what it gains, what is without a network, what to make of it.

    The first is the answer; each of the others is a remark.
    """
    parts = [_first(found), _beside(found), _over_fits(found), _search(found)]
    return [part for part in parts if part]


def _first(found: dict) -> str:
    own, none = found["best"], found["none"]
    if own is None:
        return "No regularizer was tried to the end: there is no answer yet."
    setting = f"{own['title']}{_strength(own)}, learning rate {own['rate']:.2g}"
    if found["gain"] is None:
        return (
            f"Stopped before the test part was opened. The best so far on validation is {setting}: "
            f"loss {own['loss']:.4g}, none {none['loss']:.4g}."
        )
    told, name = _gain(found), found["metric"]
    verdict = found["gain"]["verdict"]
    if own["name"] != found["chosen"]:
        lead = f"None: no regularizer has a lower validation loss. The nearest, {setting},"
        return f"{lead} has a test {name} of {told}: {_words(verdict)}."
    if verdict == "untested":
        return (
            f"{setting[0].upper()}{setting[1:]}, is best on validation: too few seeds to test it. "
            f"Its test {name} is {told}."
        )
    if verdict == "better":
        return f"Take {setting}. Its test {name} is {told}."
    return (
        f"None is needed, as far as this can tell. {setting[0].upper()}{setting[1:]}, is best on "
        f"validation; its test {name} is {told}: {_words(verdict)}."
    )


def _words(verdict: str) -> str:
    return {
        "better": "better on the test part all the same",
        "worse": "worse",
        "nil": "no difference of a percent either way",
        "cannot tell": "too near to none to tell them apart",
        "untested": "too few seeds to test",
    }[verdict]


def _strength(own: dict) -> str:
    return f" at {own['strength']:.3g}" if own["searched"] else ""


def _gain(found: dict) -> str:
    """Both scores, their difference and its interval, and the effect in percent."""
    gain, own, none = found["gain"], found["best"], found["none"]
    interval = ""
    low = gain["difference_low"]
    if low is not None and low == low:
        interval = (
            f" (95% interval {show(gain['difference_low'], 2, True)} to "
            f"{show(gain['difference_high'], 2, True)})"
        )
    text = f"{show(own['test'], 4)}, and {show(none['test'], 4)} without a regularizer: "
    text += f"{show(gain['difference'], 2, True)}{interval}"
    text += f", {show(abs(gain['effect']), 2)}% {'less' if gain['effect'] >= 0 else 'more'} "
    text += found["scale"]
    if gain["low"] is not None and gain["low"] == gain["low"]:
        text += f" (95% interval of the gain {show(gain['low'], 2, True)}% to "
        text += f"{show(gain['high'], 2, True)}%)"
    return text


def _beside(found: dict) -> str:
    """The network that is kept beside what needs none and is best on validation."""
    if found["gain"] is None:
        return ""
    others = {**found["naive"], **found["simple"]}
    sign = 1 if found["lower"] else -1
    best = found["beside"]
    network = found["best"] if found["take"] != NONE else found["none"]
    better = sign * others[best] < sign * network["test"]
    text = f"Without a network, {best}, best on validation, has {show(others[best], 4)}: "
    if better and found["part"]:
        return f"{text}better than the network, which has read {found['part']} alone."
    if better:
        return text + "better than the network, which is not worth its trouble here."
    return text + f"the network, with {show(network['test'], 4)}, is better."


def _over_fits(found: dict) -> str:
    chosen = next(s for s in found["sizing"] if s["hidden"] == found["sizes"]["hidden"])
    if chosen["over_fits"]:
        return ""
    return (
        "No network that was tried over-fits this data in the time given "
        f"({chosen['hidden']} units: validation loss {chosen['loss']:.4g}, {chosen['told']}): "
        "there is little to regularize. More minutes train longer and larger ones."
    )


def _search(found: dict) -> str:
    plan = found["plan"]
    text = f"{len(plan['names'])} regularizers and none were tried, "
    text += f"{found['models']:,} models in {found['minutes']:.1f} minutes"
    if plan["dropped"]:
        text += (
            f"; for {count(len(plan['dropped']), 'other')} the time does not suffice: some "
            f"{math.ceil(found['minutes_for_all'])} minutes would"
        )
    return text + "."
