"""Pen trajectories of handwritten digits, as the tablet sent them: unequal lengths, 10 classes.

The unresampled UNIPEN files, not the 8-point version that most papers use, so scores differ.
Test is 14 writers of their own, as distributed. The files name the writers: the last four of
train's thirty are held out for validation, so validation, too, is of hands not seen in training
(a random part would share them). A step is x, y and whether a new stroke begins; as the authors
do, a digit is moved and scaled so that the larger of its width and height spans 0 to 1.
"""

import re

import numpy as np

from rnnreg.data import Benchmark, Budget, Download, Model, expect, labelled, pick, standardised
from rnnreg.tasks import Classification

HOST = (
    "https://raw.githubusercontent.com/choucavalier/pendigits-hmm/"
    "03382e1457941714439d40b67e53eaf117fe4d08/data/pendigits-{}"
)
HASHES = {
    "train": "a66225d68d7d68591e62944df1ad33b3f5aa608e2df2505844b41f5568a80da4",
    "test": "ddb1c19e277a56c7ffe682cc024d6ab73696f9adcc1643ef9ed5aa753007e081",
}
LAST_TRAINING_WRITER = 26  # of 30


class Pendigits(Benchmark):
    """Classify a pen's trajectory as a digit."""

    title = "Pen digits, raw trajectories"
    group = "time series"
    licence = "CC BY 4.0 (policy of the UCI repository)"
    citation = "Alimoglu & Alpaydin (1996), Combining Multiple Classifiers, TAINN; UCI data set 81"
    sources = tuple(Download(part, HOST.format(part), h) for part, h in HASHES.items())
    task = Classification()
    train = 300  # digits, the part in use
    model = Model(hidden=32)
    budget = Budget(steps=800, batch=32, learning_rate=3e-3, checks=20, validated=600)

    def prepare(self, raw):
        (x, y, writers), (x_test, y_test, _) = (read(raw[part]) for part in HASHES)
        expect(self.name, "trajectories", (len(y), len(y_test)), (7_494, 3_498))
        kept = [i for i, writer in enumerate(writers) if writer <= LAST_TRAINING_WRITER]
        held = [i for i, writer in enumerate(writers) if writer > LAST_TRAINING_WRITER]
        return standardised(labelled(pick((x, y), kept), pick((x, y), held), (x_test, y_test)))


def read(file) -> tuple[list[np.ndarray], list[str], list[int]]:
    """Trajectories (T, 3), digits and writers of a UNIPEN file."""
    _, *segments = file.read_text(encoding="iso-8859-1").split(".SEGMENT DIGIT")
    x, y, writers = [], [], []
    for segment in segments:
        y.append(re.search(r'"(\d)"', segment)[1])
        writers.append(int(re.search(r"\.COMMENT \d+ +(\d+)", segment)[1]))
        strokes = [part.partition(".PEN_UP")[0] for part in segment.split(".PEN_DOWN")[1:]]
        points = [np.array(s.split(), np.float64).reshape(-1, 2) for s in strokes]
        starts = [np.eye(len(p), 1) for p in points]
        pen = np.concatenate(points)
        pen = (pen - pen.min(0)) / np.ptp(pen, axis=0).max()
        x.append(np.hstack([pen, np.concatenate(starts)]))
    return x, y, writers
