"""What a benchmark's file of one's own may lack or mistake: each is one message, at any command."""

import pytest
from own import CSV, MAIL, TEXT, add, make

from rnnreg.cli import main
from rnnreg.data import prepared
from rnnreg.errors import UserError

DECLARED = {  # what is changed -> what is told
    '    licence = "mine"\n': "licence: missing, expected text. Remedy: licence = 'mine', for one.",
    '    title = "My house"\n': "title: missing, expected text. Remedy: title = 'My house', for",
    '    citation = "me"\n': "citation: missing, expected text. Remedy: citation = 'me', for one.",
    '"me"|3': "citation: given 3, expected text. Remedy: citation = 'me', for one.",
    '"time series"|"times"': "group: given 'times', allowed are 'NLP' and 'time series'.",
    "    budget = Budget(steps=500, batch=32)\n": (
        "budget: missing, expected a Budget. Remedy: budget = Budget(steps=500, batch=32)."
    ),
    "    model = Model(hidden=32)\n": (
        "model: missing, expected a Model. Remedy: model = Model(hidden=32)."
    ),
    "model = Model(hidden=32)|model = 32": "model: given 32, expected a Model. Remedy: model = Mod",
    "task = Forecast(context=24, horizon=12, season=24)|": "task: missing, expected a Task. Rem",
    "hidden=32|hidden=0": "model: hidden: given 0, allowed are whole numbers from 1.",
    "hidden=32|hidden=3.5": "model: hidden: given 3.5, allowed are whole numbers from 1.",
    "hidden=32|hidden=32, embedding=-1": "model: embedding: given -1, allowed are whole numbers",
    "steps=500|steps=0": "budget: steps: given 0, allowed are whole numbers from 1.",
    "batch=32|batch=32, learning_rate=0": "budget: learning_rate: given 0, allowed are numbers",
    "season=24|season=0": "task: season: given 0, allowed are whole numbers from 1.",
    "season=24|season=-1": "task: season: given -1, allowed are whole numbers from 1.",
    "horizon=12|horizon=True": "task: horizon: given True, allowed are whole numbers from 1.",
    '("house.csv", "house.csv"),)|("house.csv", "house.csv"))': (
        "sources: given Local(name='house.csv', path='house.csv', sha256=''), expected a tuple of "
        "Download, Hub, Packaged or Local. Remedy: a comma after the only one: sources = (Local("
    ),
    "def prepare|def prepared": "prepare: missing. Remedy: def prepare(self, raw), which returns",
}
PREPARED = {  # what is changed -> what is told once it is prepared
    "return forecast(read|forecast(read": (
        "prepare: returned NoneType, expected Splits. Remedy: return what forecast, language, texts"
    ),
    'raw["house.csv"]|raw["hose.csv"]': (
        "prepare: raw: unknown 'hose.csv'; did you mean 'house.csv'? Known: house.csv"
    ),
    '(raw["house.csv"])|(raw["house.csv"], ["curent"])': (
        "prepare: {here}/house.csv: column: unknown 'curent'; did you mean 'current'? Known: curr"
    ),
    '"]), self|"])[:, 0], self': (
        "prepare: forecast: values: given the shape (600,), expected (rows, columns). Remedy: "
        "values.reshape(-1, 1), if they are one series."
    ),
    "self.task)|self.task, rows=(400, 100, 200))": (
        "prepare: forecast: rows: given 400 + 100 + 200, expected those of train, validation and "
        "test, at most 600 in all."
    ),
    "self.task)|self.task, rows=(400, 200))": "prepare: forecast: rows: given 400 + 200, expected",
    "season=24|season=24, targets=(2,)": "task: targets: given 2, allowed are columns 0 to 1.",
}


def changed(code, change):
    old, _, new = change.partition("|")
    assert old in code
    return code.replace(old, new)


@pytest.mark.filterwarnings("ignore:.*columns left out")
@pytest.mark.parametrize("change", [*DECLARED, *PREPARED])
def test_a_fault_is_one_message(project, capsys, change):
    add(project, "house", changed(CSV, change))
    with pytest.raises(UserError) as error:
        make(project, "house")
    told = {**DECLARED, **PREPARED}[change].format(here=project)
    assert str(error.value).startswith(f"benchmarks/house.py: {told}")
    assert main(["prepare", "house"]) == 2
    assert capsys.readouterr().err == f"rnnreg: {error.value}\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("class House|klass House", "SyntaxError: invalid syntax"),
        ("import Forecast|import Forecasts", "ImportError: cannot import"),
        (
            "Model(hidden|Model(hiden",
            "TypeError: Model.__init__() got an un",
        ),
    ],
)
def test_a_file_that_cannot_be_loaded(project, change, told):
    code = changed(CSV, change)
    line = code[: code.index(change.partition("|")[2])].count("\n") + 1
    add(project, "house", code)
    with pytest.raises(UserError) as error:
        make(project, "house")
    assert str(error.value).startswith(f"benchmarks/house.py:{line}: cannot be loaded: {told}")


def test_a_width_of_zero_is_seen_before_training_too(project):
    add(project, "diary", TEXT)
    make(project, "diary")
    add(project, "diary", TEXT.replace("hidden=", "layers=0, hidden="))
    with pytest.raises(
        UserError, match=r"diary\.py: model: layers: given 0, allowed are whole num"
    ):
        prepared.read("diary", project / "data/prepared")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ('"character"|"letter"', "task: level: given 'letter', allowed are character, word."),
        ("window=|window=-", "task: window: given -32, allowed are whole numbers from 1."),
    ],
)
def test_a_language_model_that_is_none(project, change, told):
    add(project, "diary", changed(TEXT, change))
    with pytest.raises(UserError) as error:
        make(project, "diary")
    assert str(error.value) == f"benchmarks/diary.py: {told}"


def test_a_text_in_another_encoding(project):
    (project / "diary.txt").write_bytes("One day.\nAt the caf\xe9. ".encode("latin-1") * 90)
    add(project, "diary", TEXT)
    with pytest.raises(UserError) as error:
        make(project, "diary")
    assert str(error.value) == (
        f"benchmarks/diary.py: prepare: {project}/diary.txt: line 2: byte 0xe9: not utf-8. Remedy: "
        "read it with the encoding that it was written in, such as encoding='latin-1'."
    )


def test_a_fault_of_the_code_keeps_its_traceback(project):
    add(project, "house", CSV.replace("return forecast", "return 1 / 0, forecast"))
    with pytest.raises(ZeroDivisionError):
        make(project, "house")


def test_list_tells_of_a_file_that_lacks_its_facts(project, capsys):
    add(project, "house", changed(CSV, '    licence = "mine"\n'))
    add(project, "mail", changed(MAIL, '    title = "My mail"\n'))
    assert main(["list", "benchmarks"]) == 0
    told = capsys.readouterr().out
    assert "licence: no licence in its file" in told
    assert "mail (NLP)" in told
