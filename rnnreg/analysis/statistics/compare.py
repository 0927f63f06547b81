"""From members to every table of numbers: what figures, tables to read and sentences read."""

from pathlib import Path

from rnnreg.analysis.results import load
from rnnreg.analysis.statistics import reproduction
from rnnreg.analysis.statistics.across import across
from rnnreg.analysis.statistics.advice import advice
from rnnreg.analysis.statistics.axes import axes
from rnnreg.analysis.statistics.claims import claims
from rnnreg.analysis.statistics.comparisons import comparisons
from rnnreg.analysis.statistics.diagnostics import diagnostics, late, patience
from rnnreg.analysis.statistics.pays import pays
from rnnreg.analysis.statistics.prediction import prediction
from rnnreg.analysis.statistics.robustness import robustness
from rnnreg.analysis.statistics.sensitivity import sensitivity
from rnnreg.analysis.statistics.tuning import tuning
from rnnreg.study import records


def compare(folder: Path) -> Path:
    """Write the statistics of a collected study as CSV; returns its folder.

    selected, strengths, trials  see `tuning.tuning`          comparisons   see `comparisons`
    across, pairs, profiles      see `across.across`          diagnostics   see `diagnostics`
    patience                     see `diagnostics.patience`   scores        one line a seed
    advice                       see `advice.advice`          sensitivity   see `sensitivity`
    pays                         see `pays.pays`              prediction    see `prediction`
    robustness                   see `robustness`         axes          see `axes.axes`
    claims                       see `claims`                late          see `diagnostics.late`
    """
    results = load(folder)
    found = {"scores": results.scores, "comparisons": comparisons(results)}
    found["selected"], found["strengths"], found["trials"] = tuning(results)
    found["across"], found["pairs"], found["profiles"] = across(results)
    found |= {"diagnostics": diagnostics(results), "patience": patience(results)}
    found["late"] = late(results)
    found |= {"advice": advice(results, found), "sensitivity": sensitivity(results)}
    found |= {"pays": pays(results, found["comparisons"]), "prediction": prediction(results)}
    found |= {"robustness": robustness(results), "axes": axes(results)}
    found["claims"] = claims(load(folder, whole=True))
    for name, frame in found.items():
        records.write_text(
            results.folder / f"{name}.csv", frame.to_csv(index=False, float_format="%.10g")
        )
    reproduction.check(results)
    return results.folder
