"""Japanese vowels: which of nine men says "ae"? Twelve cepstral coefficients a frame.

Train and test as distributed, 270 and 370; five of each speaker's thirty utterances in train, the
same for everyone, are held out for validation. Test is unbalanced (24 to 88 a speaker).
"""

import numpy as np

from rnnreg.data import (
    Benchmark,
    Budget,
    Download,
    Model,
    expect,
    hold_out,
    labelled,
    pick,
    standardised,
)
from rnnreg.tasks import Classification

HOST = (
    "https://raw.githubusercontent.com/aeon-toolkit/aeon/a101ddc8b35a65441609b45c9bcce5aeafa0c131/"
    "aeon/datasets/data/JapaneseVowels/JapaneseVowels_{}.ts"
)
HASHES = {
    "TRAIN": "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
    "TEST": "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
}


class JapaneseVowels(Benchmark):
    """Classify an utterance by its speaker."""

    title = "Japanese vowels, speakers"
    group = "time series"
    licence = "CC BY 4.0 (policy of the UCI repository)"
    citation = (
        "Kudo et al. (1999), Multidimensional Curve Classification, Pattern Recogn. Letters 20"
    )
    sources = tuple(Download(f"{part}.ts", HOST.format(part), h) for part, h in HASHES.items())
    task = Classification()
    train = 90  # utterances, the part in use
    model = Model(hidden=32)
    budget = Budget(steps=600, batch=16, learning_rate=3e-3, checks=20)

    def prepare(self, raw):
        train, test = (utterances(raw[f"{part}.ts"]) for part in HASHES)
        expect(self.name, "utterances", (len(train[1]), len(test[1])), (270, 370))
        kept, held = hold_out(train[1], 10 / 30)
        return standardised(labelled(pick(train, kept), pick(train, held), test))


def utterances(file) -> tuple[list[np.ndarray], list[str]]:
    """Frames (T, 12) and speakers of a .ts file: channel:channel:...:class, values by commas."""
    lines = file.read_text(encoding="utf-8").splitlines()
    cases = [line.split(":") for line in lines if line and line[0] not in "#@"]
    x = [np.array([c.split(",") for c in channels], np.float64).T for *channels, _ in cases]
    return x, [case[-1].strip() for case in cases]
