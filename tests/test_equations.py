"""Every regularizer that ships is held to its equation: which test has its values, which its slope.

A name stands in a table that a test runs over, or with the one test that is its own.
"""

import ast
import inspect
from collections.abc import Callable, Iterable

import pytest
import test_equations_activations as activations
import test_equations_averages as averages
import test_equations_combinations as combinations
import test_equations_gradients as gradients
import test_equations_inputs as inputs
import test_equations_masks as masks
import test_equations_normalisation as normalisation
import test_equations_outputs as outputs
import test_equations_penalties as penalties
import test_equations_second_pass as second_pass
import test_equations_stopping as stopping
import test_equations_twins as twins
import test_equations_weights as weights

from rnnreg.regularizers.base import HOOKS
from rnnreg.study import registry

Table = dict[Callable, Iterable[str]]

VALUES: Table = {
    activations.test_penalty_is_the_formula: activations.FORMULAS,
    averages.test_moving_average_is_the_formula: ["weight_averaging"],
    averages.test_swa_is_the_mean_of_the_last_part: ["swa"],
    averages.test_triggered_averaging_is_the_algorithm: ["nt_asgd"],
    combinations.test_penalties_of_awd_are_ar_and_tar: ["awd"],
    combinations.test_dropout_and_l2_at_the_ratio_of_the_recipe: ["dropout_l2"],
    combinations.test_l2_clipping_and_stopping_grow_stricter_together: ["l2_clip_stopping"],
    combinations.test_zoneout_of_an_lstm_takes_less_of_c_than_of_h: ["zoneout_lstm"],
    combinations.test_zoneout_and_recurrent_dropout_at_one_rate: ["zoneout_recurrent_dropout"],
    gradients.test_a_norm_is_clipped_by_one_factor_for_all_of_a_member: ["clip_norm"],
    gradients.test_values_are_clipped_entry_by_entry: ["clip_value"],
    gradients.test_adaptive_clipping_is_the_formula: ["clip_adaptive"],
    gradients.test_variance_of_gradient_noise_is_the_formula: ["gradient_noise"],
    inputs.test_input_noise_is_normal_with_its_deviation: ["input_noise"],
    inputs.test_a_share_of_the_symbols_is_replaced: inputs.ONES,
    inputs.test_scaling_is_a_factor_a_column_of_a_sequence: ["scaling"],
    inputs.test_a_slice_is_read_between_the_rows_of_its_sequence: ["window_slicing"],
    normalisation.test_hidden_states_are_those_of_the_equations: normalisation.KINDS,
    outputs.test_penalty_is_the_papers: outputs.FORMULAS,
    outputs.test_the_bottlenecks_penalty_is_the_divergence_on_average: ["information_bottleneck"],
    penalties.test_penalty_is_the_formula: penalties.PENALTIES,
    penalties.test_weight_decay_multiplies_matrices_alone: ["weight_decay"],
    penalties.test_proximal_steps_are_soft_thresholding: ["l1_proximal"],
    penalties.test_max_norm_scales_long_rows_to_the_bound: ["max_norm"],
    second_pass.test_adversarial_training_on_a_line_by_hand: ["adversarial"],
    second_pass.test_sam_on_a_line_by_hand: ["sam"],
    second_pass.test_an_adapted_strength_follows_the_loss_of_what_is_held_out: ["l2_adapted"],
    stopping.test_a_member_stops_once_its_patience_is_over: ["early_stopping"],
    twins.test_penalty_of_twins_is_the_papers: twins.TWINS,
    weights.test_an_entry_is_dropped_or_scaled: ["weight_drop"],
    weights.test_weight_noise_is_normal_with_its_deviation: ["weight_noise"],
    weights.test_a_tied_score_is_a_product_with_the_embedding: ["weight_tying"],
}
GRADIENTS: Table = {
    activations.test_gradient_is_the_finite_difference: activations.FORMULAS,
    normalisation.test_layer_norm_is_that_of_torch: ["layer_norm"],
    outputs.test_gradient_is_the_finite_difference: outputs.FORMULAS,
    outputs.test_the_bottlenecks_gradients_are_finite_differences: ["information_bottleneck"],
    penalties.test_gradient_of_a_penalty_is_its_finite_difference: penalties.PENALTIES,
    second_pass.test_adversarial_training_on_a_line_by_hand: ["adversarial"],
    second_pass.test_sam_on_a_line_by_hand: ["sam"],
    second_pass.test_an_adapted_strength_follows_the_loss_of_what_is_held_out: ["l2_adapted"],
    twins.test_a_step_has_the_gradient_of_both_passes: twins.TWINS,
    weights.test_a_step_takes_its_gradient_where_the_noise_is_and_moves_the_weights_without: [
        "input_noise",
        "weight_drop",
        "weight_noise",
    ],
    weights.test_tied_scores_and_gradients_are_those_of_torch: ["weight_tying"],
}
MASKS: Table = {  # both
    masks.test_how_often_and_by_how_much: masks.SHARED,
    masks.test_a_forward_pass_is_the_formula: masks.SHARED,
    masks.test_gradients_are_those_of_finite_differences: masks.SHARED,
}
WITHOUT = dict.fromkeys(  # why one has no entry
    ("batch_norm", "batch_norm_input"),
    "tests/test_normalise.py differences the normalised loops of all cells",
)
SHIPPED = sorted({*registry.shipped("regularizer")} - {"none"})
REMEDY = (
    "add it to a table here: VALUES, MASKS or GRADIENTS, with the test that works out its formula "
    "by other means"
)
INSIDE = {"network", "weights", "shift", "penalty"}  # hooks that a gradient goes through, but masks


def runs(test: Callable) -> set[str]:
    """The names in a test, in the functions of tests that it calls, and in what it is run with."""
    marks = [m for m in getattr(test, "pytestmark", []) if m.name == "parametrize"]
    given = [v if isinstance(v, tuple) else (v,) for m in marks for v in m.args[1]]
    found = {name for value in given for name in value if isinstance(name, str)}
    left, seen = [test], set()
    while left:
        function = left.pop()
        seen.add(function)
        for node in ast.walk(ast.parse(inspect.getsource(function))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            called = function.__globals__.get(getattr(node, "id", None))
            ours = inspect.isfunction(called) and called.__module__.startswith("test_")
            left += [called] if ours and called not in seen else []
    return found


def names(table: Table) -> set[str]:
    return {name for held in table.values() for name in held}


def hooks(name: str) -> set[str]:
    return {*HOOKS} & {*vars(registry.load("regularizer", name))} - {"suits"}


@pytest.mark.parametrize("table", [VALUES, GRADIENTS, MASKS], ids=["values", "gradients", "masks"])
def test_a_test_runs_with_the_names_it_stands_for(table):
    for test, held in table.items():
        assert {*held} <= runs(test), test.__name__


@pytest.mark.parametrize("name", SHIPPED)
def test_a_regularizer_that_ships_has_a_test_of_its_values(name):
    assert name in names(MASKS) or "mask" not in hooks(name), REMEDY
    assert name in names(VALUES) or hooks(name) == {"mask"}, REMEDY


@pytest.mark.parametrize("name", SHIPPED)
def test_what_a_gradient_goes_through_has_a_test_of_it(name):
    """Of a combination, each of its parts; of a mask, the table of masks."""
    for part in getattr(registry.load("regularizer", name), "ratios", [name]):
        second = registry.load("regularizer", part).second
        if INSIDE & hooks(part) or second != "none":
            assert part in names(GRADIENTS) | {*WITHOUT}, f"{part}: {REMEDY}"


def test_no_name_is_left_over():
    assert names(VALUES) | names(GRADIENTS) | names(MASKS) | {*WITHOUT} <= {*SHIPPED}
    assert not {*WITHOUT} & names(GRADIENTS)
