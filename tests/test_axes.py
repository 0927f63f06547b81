"""Axes of a study: the variants that they make of a benchmark, their budgets, and bad ones."""

import textwrap

import pytest
from own import CSV, add

from rnnreg.cli import main
from rnnreg.data import prepared
from rnnreg.errors import UserError
from rnnreg.study import axes, study
from rnnreg.training.setting import setting

STUDY = """
title: Axes
benchmarks: [house]
cells: [gru]
regularizers: [none, l2]
seeds: {evaluation: 2}
"""


def read(project, text):
    add(project, "house", CSV)
    (project / "crossed.yaml").write_text(STUDY + textwrap.dedent(text))
    return study.read("crossed.yaml")


def test_axes_in_one_mapping_are_crossed(project):
    asked = read(project, "axes: {optimizer: [adam, sgd], hidden: [5, [6, 3]], train: [1/4, all]}")
    assert len(asked.rows) == 2 * 8
    row = asked.row("house@optimizer_sgd_hidden_6_3_train_1_4", "gru", "l2")
    assert row.budget == {"optimizer": "sgd"}
    assert (row.variant.model, row.variant.train) == ({"hidden": [6, 3]}, "1/4")
    assert row.variant.at == {"optimizer": "sgd", "hidden": "6-3", "train": "1/4"}
    assert len({r.fingerprint for r in asked.rows if r.regularizer == "l2"}) == 4, "train is data"


def test_axes_in_a_list_stand_beside_each_other(project):
    asked = read(project, "axes: [{batch: [8, 32]}, {layers: [1, 2]}]")
    names = ["batch_8", "batch_32", "layers_1", "layers_2"]
    assert asked.benchmarks == [f"house@{name}" for name in names]


def test_a_point_of_an_axis_trains_as_the_same_budget_and_variant_do(project):
    """The axis is another way to write them: records of the one are records of the other."""
    crossed = read(project, "axes: {batch: [8], layers: [2]}")
    (row, _) = crossed.rows
    text = STUDY.replace("[house]", "[house@batch_8_layers_2]") + textwrap.dedent(
        """
        variants: {batch_8_layers_2: {model: {layers: 2}}}
        budgets: {house@batch_8_layers_2: {batch: 8}}
        """
    )
    (project / "written.yaml").write_text(text)
    (own, _) = study.read("written.yaml").rows
    assert (row.name, row.fingerprint, row.request) == (own.name, own.fingerprint, own.request)


def test_named_places_change_several_fields_and_the_rates_searched(project):
    asked = read(
        project,
        """
        axes:
          descent:
            adam: {optimizer: adam}
            plain: {optimizer: sgd, learning_rate: [0.03, 3]}
            fixed: {optimizer: sgd, learning_rate: 0.1}
        """,
    )
    rates = {r.benchmark: r.search.learning_rate for r in asked.rows}
    assert rates == {
        "house@descent_adam": (3e-4, 3e-2),
        "house@descent_plain": (0.03, 3.0),
        "house@descent_fixed": (0.1, 0.1),
    }
    plain = asked.row("house@descent_plain", "gru", "none")
    assert plain.budget == {"optimizer": "sgd"}, "the range is the search's, not the budget's"
    assert all(0.03 <= rate <= 3 for rate, _ in plain.settings)


def test_budgets_of_the_study_hold_at_all_points_and_one_has_its_own(project):
    asked = read(
        project,
        """
        axes: {batch: [8, 32]}
        budgets: {house: {steps: 40, batch: 16}, house@batch_8: {steps: 80}}
        """,
    )
    budgets = {r.benchmark: r.budget for r in asked.rows}
    assert budgets["house@batch_8"] == {"steps": 80, "batch": 8}
    assert budgets["house@batch_32"] == {"steps": 40, "batch": 32}


def test_a_named_variant_stays_where_it_is(project):
    text = STUDY.replace("[house]", "[house, house@small]")
    add(project, "house", CSV)
    (project / "a.yaml").write_text(
        text + "variants: {small: {train: 100}}\naxes: {batch: [8, 32]}\n"
    )
    found = study.read("a.yaml").benchmarks
    assert found == ["house@batch_8", "house@batch_32", "house@small"]


def test_from_a_study_file_to_records_and_their_report(project, capsys):
    read(project, "axes: {batch: [4, 8]}\nsearch: {trials: 1, survivors: 1, seeds: 1}\n"
         "budgets: {house: {steps: 6, checks: 2}}")  # fmt: skip
    assert main(["download", "--study", "crossed.yaml"]) == 0
    assert main(["prepare", "--study", "crossed.yaml"]) == 0
    assert main(["train", "--study", "crossed.yaml", "--missing", "--jobs", "1"]) == 0
    assert main(["collect", "crossed.yaml"]) == 0
    asked = study.read("crossed.yaml")
    made = prepared.read("house@batch_4", project / "data/prepared", asked.variant("house@batch_4"))
    assert made[0]["title"] == "My house (batch 4)"
    assert made[0]["family"] == "house"
    assert setting(asked.row("house@batch_4", "gru", "l2"), *made).budget.batch == 4


BAD = {
    "an unknown axis": ("{bach: [8]}", "axes: bach: axis: unknown 'bach'; did you mean 'batch'?"),
    "no list": ("{batch: 8}", "axes: batch: given 8, expected a list of values, or names with the"),
    "no values": ("{batch: []}", "axes: batch: given [], expected a list of values"),
    "an unknown field": (
        "{size: {few: {btch: 8}}}",
        "axes: size: few: key: unknown 'btch'; did you mean 'batch'?",
    ),
    "a value": ("{hidden: [5, 0]}", "axes: hidden_0: model: hidden: given 0, allowed are whole"),
    "a budget": ("{batch: [0]}", "axes: batch_0: budget: batch: given 0, allowed are numbers"),
    "a type": ("{batch: [few]}", "axes: batch_few: budget: batch: given 'few' (str), expected a"),
    "a share": ("{train: [5/4]}", "axes: train_5_4: train: given '5/4', allowed are whole numbers"),
    "a range": (
        "{learning_rate: [[1, 0.1]]}",
        "axes: learning_rate_1_0_1: budget: learning_rate: given [1, 0.1], expected two",
    ),
    "twice": ("{batch: [8, 8]}", "axes: two points are called batch_8. Remedy: leave one out"),
    "one name for two": ("[{batch: [8]}, {batch: [8]}]", "axes[1]: two points are called batch_8"),
    "a field of two axes": (
        "{batch: [8], size: {few: {batch: 4}}}",
        "axes: size: batch: another axis gives it, too.",
    ),
    "no axes": ("[3]", "axes[0]: given 3, expected axes with values: {batch: [8]}."),
    "an axis' name": ("{a-b: {x: {batch: 4}}}", "axes: a-b: an axis' name has letters, digits and"),
    "a place's name": ("{size: {a b: {batch: 4}}}", "size: a b: a name has letters, digits and"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_fault_is_told_in_one_message(project, case):
    given, message = BAD[case]
    with pytest.raises(UserError) as told:
        read(project, f"axes: {given}")
    assert message in str(told.value)
    assert str(told.value).startswith("crossed.yaml: ")


def test_axes_do_not_go_with_rows_a_variant_of_the_same_name_or_too_many_points(project):
    (project / "b.yaml").write_text(
        "title: B\nrows: {house: {gru: [none]}}\nseeds: {evaluation: 2}\naxes: {batch: [8]}\n"
    )
    add(project, "house", CSV)
    with pytest.raises(UserError, match=r"b.yaml: axes: given beside 'rows', which names variants"):
        study.read("b.yaml")
    with pytest.raises(UserError, match="variants: batch_8: has the name of a point of 'axes'"):
        axes.placed("s", ["house@batch_8"], {"batch": [8]}, {"house@batch_8": axes.NOTHING})
    with pytest.raises(UserError, match=r"axes: more than 256 points. Remedy: fewer values."):
        axes.placed("s", ["house"], {"batch": [*range(1, 300)]}, {})


def test_a_grid_has_one_rate(project):
    add(project, "house", CSV)
    text = STUDY.replace("{evaluation", "{tuning: 1, evaluation")
    (project / "c.yaml").write_text(text + "budgets: {house: {learning_rate: [0.1, 1]}}\n")
    with pytest.raises(UserError, match=r"c.yaml: house: learning_rate: given the range"):
        study.read("c.yaml")


def test_a_variant_has_a_budget_of_its_own(project):
    add(project, "house", CSV)
    text = STUDY.replace("[house]", "[house@fast]")
    text += "variants: {fast: {budget: {learning_rate: [0.1, 1], batch: 4}}}\n"
    (project / "v.yaml").write_text(text + "budgets: {house: {batch: 9, steps: 5}}\n")
    row = study.read("v.yaml").rows[0]
    assert row.budget == {"batch": 4, "steps": 5}
    assert row.search.learning_rate == (0.1, 1.0)
    (project / "v.yaml").write_text(text.replace("batch: 4", "btch: 4"))
    with pytest.raises(UserError, match=r"v.yaml: variants: fast: budget: key: unknown 'btch'"):
        study.read("v.yaml")
