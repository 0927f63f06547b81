"""Characters of Shakespeare's plays, one million of them.

The file has no official test part: it is cut by position, 90/5/5, never at random (char-rnn keeps
the last 5% for validation, nanoGPT the last 10%). So scores are not those of other papers.
"""

from rnnreg.data import Benchmark, Budget, Download, Model, contiguous, expect, language
from rnnreg.tasks import LanguageModel


class TinyShakespeare(Benchmark):
    """Predict the next character of a play."""

    title = "Tiny Shakespeare"
    group = "NLP"
    licence = "public domain (the host repository says MIT)"
    citation = "Karpathy (2015), The Unreasonable Effectiveness of Recurrent Neural Networks"
    sources = (
        Download(
            "input.txt",
            "https://raw.githubusercontent.com/karpathy/char-rnn/"
            "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        ),
    )
    task = LanguageModel("character", window=32)
    train = 7_500  # the last characters
    model = Model(hidden=64, embedding=32)
    budget = Budget(steps=800, batch=20, learning_rate=3e-3, checks=20, validated=20_000)

    def prepare(self, raw):
        text = raw["input.txt"].read_text(encoding="utf-8")
        expect(self.name, "characters, distinct", (len(text), len(set(text))), (1_115_394, 65))
        return language(*contiguous(text, train=0.9, validation=0.05))
