"""TREC questions: what kind of answer does a question ask for? Six classes.

Train and test as distributed, 5,452 and 500; a tenth of train, stratified and the same for
everyone, is held out for validation. A line is the class, a space, the question; train is
ISO-8859-1, not UTF-8. 71 questions occur twice in train, 10 of test in train: these are counted,
not removed. Words seen once in train count as unknown.
"""

from rnnreg.data import Benchmark, Budget, Download, Model, expect, hold_out, pick, texts
from rnnreg.tasks import Classification

HOST = (
    "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/"
    "d61ded09c99c0199d8c5bca946cd65864de2b296/data/TREC.{}.all"
)
HASHES = {
    "train": "c8183fd8c2a5cc4a9a1c56548d7c6410a8b71ed7843df9ef1f0a05cd7cf2fb3e",
    "test": "92a6a3cede5678b447ef5f1d7ec474134fcda211e6590e6fa627b4a2c68e4566",
}
CLASSES = ("DESC", "ENTY", "ABBR", "HUM", "LOC", "NUM")


class Trec(Benchmark):
    """Classify a question by the kind of its answer."""

    title = "TREC, kinds of questions"
    group = "NLP"
    licence = "unknown"
    citation = "Li & Roth (2002), Learning Question Classifiers, COLING"
    sources = tuple(Download(f"{part}.all", HOST.format(part), h) for part, h in HASHES.items())
    task = Classification()
    train = 1_470  # questions, the part in use
    model = Model(hidden=48, embedding=32)
    budget = Budget(steps=500, batch=32, learning_rate=1e-3, checks=20)
    noisy = 0.2  # the share of words that are dropped

    def prepare(self, raw):
        train, test = (questions(raw[f"{part}.all"]) for part in HASHES)
        expect(self.name, "questions", (len(train[1]), len(test[1])), (5_452, 500))
        kept, held = hold_out(train[1], 0.1)
        return texts(pick(train, kept), pick(train, held), test, least=2)


def questions(file) -> tuple[list[list[str]], list[str]]:
    """Words of each question, and its class."""
    lines = file.read_text(encoding="iso-8859-1").split("\n")
    cases = [line.split() for line in lines if line]
    return [words for _, *words in cases], [CLASSES[int(label)] for label, *_ in cases]
