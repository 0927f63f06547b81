"""WikiText-2, words: whole articles of Wikipedia, tokenised; rare words are <unk>.

Split as distributed, by articles: 600, 60, 60. A line ends with one <eos>, empty lines too, which
are counted. Model and training are those of ptb_word, for fewer passes over twice the text.
"""

from rnnreg.data import Benchmark, Budget, Download, Model, expect, language, words
from rnnreg.tasks import LanguageModel

HOST = (
    "https://raw.githubusercontent.com/pytorch/examples/"
    "77f55b912142e11fcfdf5b530231fb9c52f181e8/word_language_model/data/wikitext-2/{}.txt"
)
HASHES = {
    "train": "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",
    "valid": "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    "test": "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
}
WINDOW = 35  # steps
EPOCH = (2_088_628 - 1) // 20 // WINDOW  # windows


class Wikitext2(Benchmark):
    """Predict the next word of a Wikipedia article."""

    title = "WikiText-2, words"
    group = "NLP"
    licence = "CC BY-SA"
    citation = "Merity et al. (2017), Pointer Sentinel Mixture Models, ICLR (arXiv:1609.07843)"
    sources = tuple(Download(f"{part}.txt", HOST.format(part), h) for part, h in HASHES.items())
    task = LanguageModel("word", window=WINDOW)
    model = Model(hidden=650, layers=2, embedding=650)
    budget = Budget(
        steps=20 * EPOCH,
        batch=20,
        learning_rate=1.0 * WINDOW,
        checks=40,
        optimizer="sgd",
        schedule="exponential",  # half the epochs of ptb_word: hold half as long, divide twice
        hold=3,
        factor=1.2**2,
    )
    base_clip = 5.0 / WINDOW  # see ptb_word
    published = (
        {
            "model": "LSTM, dropout",
            "metric": "perplexity",
            "value": 99.3,
            "reference": "Grave et al. 2017, Neural Language Models with a Continuous Cache",
        },
    )

    def prepare(self, raw):
        splits = [words(raw[f"{part}.txt"]) for part in HASHES]
        counts = tuple(len(s) for s in splits)
        expect(self.name, "tokens with <eos>", counts, (2_088_628, 217_646, 245_569))
        expect(self.name, "words", len(set(splits[0])), 33_278)
        return language(*splits)
