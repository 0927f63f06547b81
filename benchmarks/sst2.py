"""Stanford Sentiment Treebank, two classes: is a sentence from a film review positive?

Split as distributed, neutral sentences left out: 6,920 / 872 / 1,821. Tab separated, read with
quoting off (a quote is a word here) and with no word taken for a missing value. Whole sentences
only: most papers train on all phrases of the parse trees too, and on word vectors learned
elsewhere, so their accuracies are higher. Words seen once in train count as unknown.
"""

from rnnreg.data import Benchmark, Budget, Download, Model, expect, read_labelled, texts
from rnnreg.tasks import Classification

HOST = (
    "https://raw.githubusercontent.com/clairett/pytorch-sentiment-classification/"
    "457ffd83de90a9d6d472d8ffc31bbffe40a8b236/data/SST2/{}.tsv"
)
HASHES = {
    "train": "ec192f833a64da08f475488a77b0d0b47db47acd0f458bd18433fc793b569920",
    "dev": "eddea6b39e601dd4e7a672b53cc40fdf6019fa80522f351206c24340ca5d9359",
    "test": "831169c7e2e429d6026e1bdbb542f33b636e3e596caad9602ebc953c205928b7",
}


class Sst2(Benchmark):
    """Classify a sentence as positive or negative."""

    title = "SST-2, sentiment of sentences"
    group = "NLP"
    licence = "unknown"
    citation = "Socher et al. (2013), Recursive Deep Models for Semantic Compositionality, EMNLP"
    sources = tuple(Download(f"{part}.tsv", HOST.format(part), h) for part, h in HASHES.items())
    task = Classification()
    model = Model(hidden=48, embedding=32)
    budget = Budget(steps=800, batch=32, learning_rate=1e-3, checks=20)

    published = (
        {
            "model": "LSTM, 2 layers, trained on phrases too, from GloVe vectors",
            "metric": "accuracy",
            "value": 0.863,
            "reference": "Tai et al. 2015",
        },
    )

    def prepare(self, raw):
        parts = [read_labelled(raw[f"{part}.tsv"], text=0, label=1) for part in HASHES]
        sizes = tuple(len(labels) for _, labels in parts)
        expect(self.name, "sentences", sizes, (6_920, 872, 1_821))
        return texts(*parts, least=2)
