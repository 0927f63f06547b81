"""From raw files to prepared splits: what a benchmark is; reading, cutting, checking its data.

What a benchmark's file needs has its address here.
"""

from rnnreg.data.benchmark import Benchmark, Budget, Model, Splits, expect
from rnnreg.data.given import read_language, read_series, read_texts
from rnnreg.data.numbers import read_csv
from rnnreg.data.pairs import transduction
from rnnreg.data.sequences import hold_out, labelled, piano_rolls, pick, standardised
from rnnreg.data.series import forecast
from rnnreg.data.sources import Download, Hub, Local, Packaged
from rnnreg.data.text import contiguous, language, read_labelled, texts, words

__all__ = [
    "Benchmark",
    "Budget",
    "Download",
    "Hub",
    "Local",
    "Model",
    "Packaged",
    "Splits",
    "contiguous",
    "expect",
    "forecast",
    "hold_out",
    "labelled",
    "language",
    "piano_rolls",
    "pick",
    "read_csv",
    "read_labelled",
    "read_language",
    "read_series",
    "read_texts",
    "standardised",
    "texts",
    "transduction",
    "words",
]
