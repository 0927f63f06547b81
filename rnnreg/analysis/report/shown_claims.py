"""What papers say of a regularizer, beside what this study finds where it has the same."""

from rnnreg.analysis.report.shown_setup import TASKS
from rnnreg.analysis.results import Results
from rnnreg.analysis.tables import Table, spread, tabulated, word

WORDS, SENTIMENT = "LanguageModel", "Classification"
CLAIMS = (  # regularizer, source, what it says, of which tasks and cells
    ("dropout", "Zaremba et al. 2014",
     "on the connections that are not recurrent, it lessens over-fitting of LSTMs",
     [(WORDS, "lstm")]),
    ("recurrent_dropout", "Gal and Ghahramani 2016",
     "with one mask for all steps, it beats earlier uses of dropout in LSTM and GRU",
     [(WORDS, "lstm"), (WORDS, "gru"), (SENTIMENT, "lstm"), (SENTIMENT, "gru")]),
    ("zoneout", "Krueger et al. 2016",
     "it improves several tasks, character-level language models among them", [(WORDS, "lstm")]),
    ("weight_drop", "Merity et al. 2018",
     "on recurrent weights, part of a recipe that sets new marks in language models",
     [(WORDS, "lstm")]),
    ("nt_asgd", "Merity et al. 2018", "part of the same recipe", [(WORDS, "lstm")]),
    ("activation_regularization", "Merity et al. 2017",
     "it does as much for language models as more complicated regularizers", [(WORDS, "lstm")]),
    ("temporal_activation_regularization", "Merity et al. 2017", "the same", [(WORDS, "lstm")]),
    ("weight_decay", "Loshchilov and Hutter 2019",
     "apart from the gradient, it generalizes better under Adam than L2 (shown on images)",
     [(WORDS, "lstm"), (SENTIMENT, "lstm")]),
)  # fmt: skip
CAPTION = (
    "What papers say, and the effect over none in this study, in percent, at the best validation "
    "check, over its data sets of the task. Sizes, data and budgets differ from the papers': a "
    "verdict here repeats no experiment of theirs."
)


def claims(results: Results) -> Table:
    """One line a claim and place where this study has it."""
    if not results.has_reference:
        return Table("claims", CAPTION, ())
    across = results.read("across").query("criterion == 'best'")
    found = {(r["regularizer"], r["scope"]): r for r in across.to_dict("records")}
    lines = [
        {"source": source, "says": says, "task": task, "cell": cell}
        | found[name, f"{task}: {cell}"]
        for name, source, says, places in CLAIMS
        for task, cell in places
        if (name, f"{task}: {cell}") in found
    ]
    columns = {
        "Regularizer": lambda r: results.title("regularizers", r["regularizer"]),
        "Source": lambda r: r["source"],
        "It says": lambda r: r["says"],
        "Here": lambda r: f"{TASKS[r['task']]}, {results.title('cells', r['cell'])}",
        "Verdict": lambda r: word(r["verdict"], r["verdict"] == "better"),
        "Effect, %": lambda r: spread(r | {"effect_low": r["seeds_low"], "effect_high":
                                           r["seeds_high"]}, "effect", 1, True),
    }  # fmt: skip
    return tabulated("claims", CAPTION, lines, columns, 5)
