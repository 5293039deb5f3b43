"""Rules on where a dataset's pictures come from, what kind of set it is, and how much it counts."""

import os
from collections.abc import Iterator

from schema.places import absolute
from schema.rules.lookup import can_switch_off, value_at
from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []

FOLDERS = (
    "mask_path", "inpaint_path", "unconditional_path", "clip_image_path", "control_path_1",
    "control_path_2", "control_path_3",
)  # fmt: skip
"""Options that name a folder of pictures beside those that are learned."""


@rule(RULES, "error", "datasets[].folder_path", "datasets[].dataset_path")
def two_sources(scope: Scope) -> Iterator[Problem]:
    """Two names of one option with two values."""
    for path, dataset in scope.datasets():
        other = dataset.dataset_path
        if other and os.path.normpath(other) != os.path.normpath(dataset.folder_path):
            message = f"is another place than folder_path ({dataset.folder_path}): give one"
            yield Problem(f"{path}.dataset_path", message, "null")


@rule(RULES, "error", "datasets[].dataset_path")
def json_lists_are_not_read_yet(scope: Scope) -> Iterator[Problem]:
    """Pictures listed in a JSON file wait for the engine."""
    for path, dataset in scope.datasets():
        if (dataset.dataset_path or "").lower().endswith((".json", ".jsonl")):
            message = "is not in the engine yet (pictures listed in a JSON file); name a folder"
            yield Problem(f"{path}.dataset_path", message)


@rule(RULES, "error", "datasets[].is_reg")
def nothing_but_regularization(scope: Scope) -> Iterator[Problem]:
    """Regularization pictures go beside others."""
    sets = list(scope.datasets())
    if sets and all(dataset.is_reg for _, dataset in sets):
        message = "every dataset is a regularization set: there is nothing to learn"
        yield Problem(f"{sets[0][0]}.is_reg", message, "false")


@rule(RULES, "warning", "datasets[].folder_path", *(f"datasets[].{name}" for name in FOLDERS))
def helpers_among_the_pictures(scope: Scope) -> Iterator[Problem]:
    """Masks and the like inside the folder whose every picture is learned."""
    for path, dataset in scope.datasets():
        root = str(absolute(dataset.folder_path))
        named = [(name, getattr(dataset, name)) for name in FOLDERS]
        named += [("control_path", folder) for folder in dataset.control_path or []]
        for name, folder in named:
            if folder and _is_inside(str(absolute(folder)), root):
                message = f"lies inside {path}.folder_path, where every picture is to be learned"
                yield Problem(f"{path}.{name}", message)


def _is_inside(folder: str, root: str) -> bool:
    return folder == root or folder.startswith(root.rstrip(os.sep) + os.sep)


@rule(
    RULES,
    "error",
    "datasets[].type",
    "datasets[].unconditional_path",
    "datasets[].is_reg",
    "datasets[].num_frames",
    "network",
)
def kind_of_set_has_its_parts(scope: Scope) -> Iterator[Problem]:
    """Sliders and pairs need a network, and the other side of what they learn."""
    for path, dataset in scope.datasets():
        if dataset.type == "image":
            continue
        where = f"{path}.type"
        if scope.process.network is None:
            yield Problem(where, f"{dataset.type} needs a network", "image")
        if dataset.type == "reference" and dataset.unconditional_path is None:
            message = "reference needs unconditional_path: the other side of each pair"
            yield Problem(where, message, "image")
        if dataset.type == "slider" and value_at("slider", scope) is None:
            message = "slider needs a slider section: a process of type concept_slider has one"
            yield Problem(where, message, "image")
        if dataset.is_reg:
            yield Problem(where, f"{dataset.type} cannot be a regularization set", "image")
        if dataset.takes_videos:
            yield Problem(where, f"{dataset.type} is for pictures, not for videos", "image")


@rule(RULES, "warning", "datasets[].network_weight", "datasets[].loss_multiplier")
def weight_of_nothing(scope: Scope) -> Iterator[Problem]:
    """A weight of 0 on all that is learned."""
    learned = [(path, dataset) for path, dataset in scope.datasets() if not dataset.is_reg]
    for name in ("network_weight", "loss_multiplier"):
        if name == "network_weight" and scope.process.network is None:
            continue
        if learned and all(getattr(dataset, name) == 0 for _, dataset in learned):
            message = "is 0 for everything that is learned, so nothing is"
            yield Problem(f"{learned[0][0]}.{name}", message, "1.0")


@rule(RULES, "error", "datasets[].extra_values")
def numbers_of_one_count(scope: Scope) -> Iterator[Problem]:
    """A batch is a table of numbers."""
    sets = list(scope.datasets())
    for path, dataset in sets[1:]:
        count, first = len(dataset.extra_values), len(sets[0][1].extra_values)
        if count != first:
            message = f"holds {count} numbers, {sets[0][0]}.extra_values {first}"
            yield Problem(f"{path}.extra_values", message)


@rule(
    RULES,
    "hint",
    "datasets[].diff_output_preservation",
    "datasets[].diff_output_preservation_class",
)
def follows_the_training_section(scope: Scope) -> Iterator[Problem]:
    """Copies that other trainers write into the datasets."""
    train = scope.process.train
    for path, dataset in scope.datasets():
        for name in ("diff_output_preservation", "diff_output_preservation_class"):
            value = getattr(dataset, name)
            if value and value != getattr(train, name):
                message = f"is a copy of train.{name}, which says something else and counts"
                yield Problem(f"{path}.{name}", message)


@rule(RULES, "error", "datasets[].prior_reg", "network", "adapter.type")
def prior_without_an_untouched_model(scope: Scope) -> Iterator[Problem]:
    """Full fine-tuning leaves nothing to compare with."""
    for path, dataset in scope.datasets():
        if dataset.prior_reg and not can_switch_off(scope):
            message = "needs a network or an adapter: without one there is no untouched model"
            yield Problem(f"{path}.prior_reg", message, "false")


@rule(
    RULES,
    "error",
    "datasets[].prior_reg",
    "train.do_prior_divergence",
    "train.diff_output_preservation",
    "train.blank_prompt_preservation",
)
def prior_with_another_target(scope: Scope) -> Iterator[Problem]:
    """The base model is the target, or something else is."""
    train = scope.process.train
    names = ("do_prior_divergence", "diff_output_preservation", "blank_prompt_preservation")
    other = next((name for name in names if getattr(train, name)), None)
    for path, dataset in scope.datasets():
        if dataset.prior_reg and other:
            yield Problem(f"{path}.prior_reg", f"cannot be combined with train.{other}", "false")


@rule(RULES, "error", "datasets[].batch_size", "datasets[].buckets")
def own_batch_needs_buckets(scope: Scope) -> Iterator[Problem]:
    """Without buckets batches mix all datasets."""
    for path, dataset in scope.datasets():
        if dataset.batch_size is not None and not dataset.buckets:
            message = "needs buckets: without them batches mix all datasets"
            yield Problem(f"{path}.batch_size", message, "null")
