"""Characters of Python's own documentation, as it comes with every Python.

Prose of pydoc_data.topics: paragraphs are unwrapped; grammar, code and tables are left out; of
paragraphs that occur in several topics the first is kept, before the text is cut 80/10/10 by
position, so that none leaks into another split. The text differs between versions of Python:
no hash is pinned, the hash of what was read is recorded with the data, and so in every record.
"""

import ast
import re

from rnnreg.data import Benchmark, Budget, Model, Packaged, contiguous, language
from rnnreg.tasks import LanguageModel


class PythonDocs(Benchmark):
    """Predict the next character of the Python language reference."""

    title = "Python documentation"
    group = "NLP"
    licence = "PSF License Version 2"
    citation = "Python Software Foundation, The Python Language Reference (pydoc_data.topics)"
    sources = (Packaged("topics.py", "pydoc_data", "topics.py"),)
    task = LanguageModel("character", window=32)
    train = 5_000  # the last characters
    model = Model(hidden=32, embedding=16)
    budget = Budget(steps=500, batch=16, learning_rate=1e-2, checks=20)

    def prepare(self, raw):
        tree = ast.parse(raw["topics.py"].read_text(encoding="utf-8"))
        topics = next(ast.literal_eval(n.value) for n in tree.body if isinstance(n, ast.Assign))
        blocks = [b for topic in topics.values() for b in re.split(r"\n\s*\n", topic)]
        paragraphs = [" ".join(b.split()) for b in blocks]
        prose = [p for p in paragraphs if is_prose(p)]
        once = list(dict.fromkeys(prose))
        return language(
            *contiguous("\n".join(once)),
            topics=len(topics),
            paragraphs=len(once),
            **{"repeated paragraphs left out": len(prose) - len(once)},
        )


def is_prose(paragraph: str) -> bool:
    """Eight words or more, a sentence's end, and hardly anything but letters: no code, no table."""
    letters = sum(c.isalpha() or c == " " for c in paragraph)
    return (
        len(re.findall(r"[A-Za-z][a-z']*", paragraph)) >= 8
        and paragraph[-1] in '.:;!?)"'
        and "::=" not in paragraph
        and ">>>" not in paragraph
        and letters > 0.85 * len(paragraph)
    )
