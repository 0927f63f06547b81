"""Variants of a benchmark: what a study may change, and what belongs to each alone."""

import textwrap

import numpy as np
import pytest
from own import CSV, MAIL, TEXT, add

from rnnreg.cli import main
from rnnreg.data import prepared
from rnnreg.errors import UserError
from rnnreg.study import study
from rnnreg.study.variants import Variant
from rnnreg.training.setting import setting

STUDY = """
title: Sizes
benchmarks: [house, house@small, diary@tenth, mail@few]
cells: [gru]
regularizers: [none]
seeds: {tuning: 1, evaluation: 2}
budgets: {house: {steps: 40}, house@small: {batch: 8}}
variants:
  small: {train: 100, model: {hidden: 5}}
  tenth: {train: 1/10}
  few: {train: 1/4}
"""


@pytest.fixture
def asked(project):
    """The study, in a project with its three benchmarks downloaded."""
    for name, code in {"house": CSV, "diary": TEXT, "mail": MAIL}.items():
        add(project, name, code)
        prepared.download(name, project / "data/raw")
    (project / "sizes.yaml").write_text(STUDY)
    return study.read("sizes.yaml")


def make(project, asked, name):
    raw, folder = project / "data/raw", project / "data/prepared"
    prepared.prepare(name, raw, folder, asked.variant(name))
    return prepared.read(name, folder, asked.variant(name))


def test_a_variant_has_rows_and_records_of_its_own(asked):
    assert asked.benchmarks == ["house", "house@small", "diary@tenth", "mail@few"]
    whole, small = (asked.row(name, "gru", "none") for name in ("house", "house@small"))
    assert str(asked.records(small)) == "results/sizes/records/house@small/gru/none.jsonl"
    assert whole.budget == {"steps": 40}
    assert small.budget == {"steps": 40, "batch": 8}, "the benchmark's, and its own"
    assert small.variant == Variant(100, {"hidden": 5})
    assert whole.variant == Variant()


def test_a_budget_that_says_train_makes_a_variant(project, asked):
    """The whole split is one line away, with rows and prepared data of its own."""
    plain = asked.row("house", "gru", "none")
    text = STUDY.replace("house: {steps: 40}", "house: {train: all, steps: 40}, diary: {train: 9}")
    (project / "sizes.yaml").write_text(text)
    made = study.read("sizes.yaml")
    assert made.benchmarks == ["house@train_all", "house@small", "diary@tenth", "mail@few"]
    whole = made.row("house@train_all", "gru", "none")
    assert whole.variant == Variant("all")
    assert whole.budget == {"steps": 40}, "what else it says holds"
    assert whole.fingerprint == plain.fingerprint, "data is told apart by its hash"
    assert made.variant("house@small").train == 100, "its own holds"
    assert made.variant("diary@tenth").train == "1/10"
    facts, _ = make(project, made, "house@train_all")
    assert facts["title"] == "My house (train all)"
    assert "part of train" not in facts["counts"]
    text = text.replace("house@small: {batch: 8}", "house@small: {train: 1/8}")
    text = text.replace("benchmarks: [house,", "benchmarks: [house, diary,")
    (project / "sizes.yaml").write_text(text)
    again = study.read("sizes.yaml")
    assert again.variant("house@small") == Variant("1/8", {"hidden": 5}), "where it is named"
    assert "diary@train_9" in again.benchmarks


def test_what_train_leaves_of_sequences_joins_validation(project, asked):
    """Test stays, validation comes first, and together they are what there is."""
    said = "mail: {train: 1/2, validation: rest, steps: 9}"
    text = STUDY.replace("{house: {steps: 40}", f"{{{said}, house: {{steps: 40}}")
    text = text.replace("mail@few]", "mail@few, mail]")
    (project / "sizes.yaml").write_text(text)
    made = study.read("sizes.yaml")
    name = "mail@train_1_2_validation_rest"
    row = made.row(name, "gru", "none")
    assert row.variant == Variant("1/2", validation="rest")
    assert row.budget == {"steps": 9}
    prepared.prepare("mail", project / "data/raw", project / "data/prepared")
    facts, whole = prepared.read("mail", project / "data/prepared")
    more, splits = make(project, made, name)
    count = len(whole["train"]["length"])
    assert more["sizes"]["train"] == count // 2
    left = count - count // 2
    assert more["counts"]["rest of train, in validation"] == left
    assert more["sizes"]["validation"] == facts["sizes"]["validation"] + left
    assert more["data_hash"] != facts["data_hash"]
    assert sequences(splits["test"]) == sequences(whole["test"])
    published = sequences(whole["validation"])
    assert sequences(splits["validation"])[: len(published)] == published
    rest = sequences(splits["validation"])[len(published) :]
    assert sorted(sequences(splits["train"]) + rest) == sorted(sequences(whole["train"]))


def sequences(arrays):
    """Each with its label."""
    parts = np.split(arrays["x"], np.cumsum(arrays["length"])[:-1])
    return [(x.tolist(), int(y)) for x, y in zip(parts, arrays["y"], strict=True)]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("mail: {validation: all}", "budgets: mail: validation: given 'all', allowed is 'rest'"),
        ("mail: {validation: rest}", "given 'rest', but its training split, of .* in use whole"),
        ("mail: {train: all, validation: rest}", "in use whole. Remedy: leave it out, or give"),
        ("house: {train: 1/2, validation: rest}", "its task is Forecast, whose rest of the"),
        ("diary: {train: 1/2, validation: rest}", "its task is LanguageModel, whose rest of the"),
    ],
)
def test_a_rest_that_cannot_be_validated_on_is_refused(project, asked, said, message):
    name = said.partition(":")[0]
    (project / "sizes.yaml").write_text(
        f"title: Rest\nbenchmarks: [{name}]\ncells: [gru]\nregularizers: [none]\n"
        f"seeds: {{evaluation: 2}}\nbudgets: {{{said}}}\n"
    )

    def prepare():
        made = study.read("sizes.yaml")
        make(project, made, made.benchmarks[0])

    with pytest.raises(UserError, match=message):
        prepare()


def test_a_budget_that_says_train_is_no_variant_that_is_there(project, asked):
    text = STUDY.replace("house@small", "house@train_1_4").replace("small:", "train_1_4:")
    (project / "sizes.yaml").write_text(text.replace("{steps: 40}", "{train: 1/4}"))
    message = "house: train: makes the variant house@train_1_4, which the study has, too. Remedy: l"
    with pytest.raises(UserError, match=message):
        study.read("sizes.yaml")


def test_a_budget_that_says_train_goes_with_rows_one_by_one(project, asked):
    (project / "one.yaml").write_text(
        "title: One\nrows: {house: {gru: [none]}, mail: {lstm: [l2]}}\n"
        "seeds: {tuning: 1, evaluation: 2}\nbudgets: {house: {train: 1/2}}\n"
    )
    found = [row.name for row in study.read("one.yaml").rows]
    assert found == ["house@train_1_2/gru/none", "mail/lstm/l2"]


def test_a_fingerprint_sees_the_model_of_a_variant(project, asked):
    first = {row.name: row.fingerprint for row in asked.rows}
    (project / "sizes.yaml").write_text(STUDY.replace("hidden: 5", "hidden: 6"))
    moved = [r.name for r in study.read("sizes.yaml").rows if r.fingerprint != first[r.name]]
    assert moved == ["house@small/gru/none"]


@pytest.mark.parametrize("name", ["house@small", "diary@tenth", "mail@few"])
def test_train_is_cut_and_the_other_splits_stay(project, asked, name):
    whole_facts, whole = make(project, asked, name.partition("@")[0])
    facts, splits = make(project, asked, name)
    for split in ("validation", "test"):
        for key, array in whole[split].items():
            np.testing.assert_array_equal(splits[split][key], array)
        assert facts["sizes"][split] == whole_facts["sizes"][split]
    kept = asked.variant(name).amount(len(next(iter(whole["train"].values()))))
    if "length" in whole["train"]:
        kept = asked.variant(name).amount(len(whole["train"]["length"]))
        assert len(splits["train"]["length"]) == len(splits["train"]["y"]) == kept
    else:
        for key, array in whole["train"].items():
            np.testing.assert_array_equal(splits["train"][key], array[-kept:])
    assert facts["name"] == name
    assert facts["family"] == whole_facts["family"] == name.partition("@")[0], "one family"
    assert facts["title"] == f"{whole_facts['title']} ({name.partition('@')[2]})"
    assert facts["data_hash"] != whole_facts["data_hash"]
    if "tokens" in whole["train"]:
        assert facts["naive"] != whole_facts["naive"], "naive scores see the part"


def test_a_variant_has_its_own_model(project, asked):
    made = make(project, asked, "house@small")
    job = setting(asked.row("house@small", "gru", "none"), *made)
    assert (job.network.hidden, job.budget.steps, job.budget.batch) == (5, 40, 8)
    assert setting(asked.row("house", "gru", "none"), *made).network.hidden != 5


def test_another_part_asks_for_prepare(project, asked):
    make(project, asked, "house@small")
    (project / "sizes.yaml").write_text(STUDY.replace("train: 100", "train: 200"))
    with pytest.raises(UserError) as told:
        prepared.read(
            "house@small",
            project / "data/prepared",
            study.read("sizes.yaml").variant("house@small"),
        )
    assert "prepared by another state of benchmarks/house.py, of the study, or of" in str(
        told.value
    )
    assert "Remedy: python -m rnnreg prepare house@small --study STUDY" in str(told.value)


def test_by_commands(project, asked, capsys):
    assert main(["download", "--study", "sizes.yaml"]) == 0
    assert main(["prepare", "--study", "sizes.yaml"]) == 0
    assert main(["train", "--study", "sizes.yaml", "house@small", "gru", "none"]) == 0
    assert (project / "results/sizes/records/house@small/gru/none.jsonl").is_file()
    capsys.readouterr()
    assert main(["prepare", "house@small"]) == 2
    assert (
        "house@small: a variant is what a study makes of house, given none. Remedy: --study, with "
        "the study that lists it."
    ) in capsys.readouterr().err
    assert main(["prepare", "house@large", "--study", "sizes.yaml"]) == 2
    assert "given sizes.yaml, which has none of that name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "train", "told"),
    [
        ("house@small", "601", "house.py: train: given 601, allowed are 0, for all, to 420."),
        ("house@small", "30", "house.py: the train split is empty"),
        ("diary@tenth", "1/5000", "diary.py: the train split is empty"),
    ],
)
def test_a_part_that_cannot_be(project, asked, given, train, told):
    text = STUDY.replace("train: 100", f"train: {train}").replace("train: 1/10", f"train: {train}")
    (project / "sizes.yaml").write_text(text)
    with pytest.raises(UserError, match=f"^{given}: benchmarks/{told}"):
        make(project, study.read("sizes.yaml"), given)


BAD = {
    "an unknown variant": (
        ("house@small, diary", "house@smal, diary"),
        "benchmarks[1]: variant: unknown 'smal'; did you mean 'small'? Known: few, small, tenth",
    ),
    "an unknown benchmark": (
        ("house@small, diary", "hose@small, diary"),
        "benchmarks[1]: unknown 'hose'; did you mean 'house'? Known: diary, house, mail",
    ),
    "one of no benchmark": (
        (", mail@few", ""),
        "variants: few: no benchmark has it. Remedy: list one as diary@few, say, or leave the "
        "variant out.",
    ),
    "twice": ((", mail@few]", ", mail@few, mail@few]"), "'mail@few' is listed twice; list it"),
    "no change": (("{train: 1/4}", "{}"), "variants: few: changes nothing; give one of: train"),
    "no mapping": (("{train: 1/4}", "5"), "variants: few: given 5, expected a mapping with keys"),
    "an unknown key": (("{train: 1/4}", "{trin: 1}"), "few: key: unknown 'trin'; did you mean 'tr"),
    "a share above one": (("1/4", "5/4"), "few: train: given '5/4', allowed are whole numbers"),
    "a share of nothing": (("1/4", "1/0"), "few: train: given '1/0', allowed are whole numbers"),
    "none": (("1/4", "0"), "few: train: given 0, allowed are whole numbers from 1, shares such as"),
    "a word": (("1/4", "half"), "shares such as 1/4, and 'all'."),
    "a field": (("hidden: 5", "hiden: 5"), "model: key: unknown 'hiden'; did you mean 'hidden'?"),
    "no units": (("hidden: 5", "hidden: 0"), "model: hidden: given 0, allowed are whole numbers"),
    "a name": (("few: {", "f-w: {"), "variants: f-w: a variant's name has letters, digits and '_'"),
    "a part in a budget": (("{steps: 40}", "{train: half}"), "house: train: given 'half', allowed"),
    "a yes in a budget": (("{steps: 40}", "{train: true}"), "house: train: given True, allowed"),
    "a budget of another": (("house@small: {batch", "mail: {batch: 2}, house@smal: {batch"),
                            "budgets: unknown 'house@smal'; did you mean 'house@small'?"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_fault_is_told_in_one_message(project, asked, case):
    (old, new), message = BAD[case]
    assert old in STUDY
    (project / "sizes.yaml").write_text(textwrap.dedent(STUDY.replace(old, new)))
    with pytest.raises(UserError) as told:
        study.read("sizes.yaml")
    assert message in str(told.value)
    assert "sizes.yaml" in str(told.value), "the file is named"
