"""Rules on control images, masks, inpainting, pairs and reference images of datasets."""

from collections.abc import Iterator

from schema.rules.adapter import chosen
from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.adapter.names import FOLLOWS_PICTURES, SEES_PICTURES
from schema.sections.datasets import Dataset

RULES: list[Rule] = []

_NUMBERED = ("control_path_1", "control_path_2", "control_path_3")
_MASKING = ("mask", "sapiens2_mask")


def control_count(dataset: Dataset) -> int:
    """How many control images a picture of the set can have."""
    drawn = [name for name in dataset.controls if name not in (*_MASKING, "inpaint")]
    same = dataset.num_controls_from_same_folder if dataset.control_from_same_folder else 0
    return len(dataset.control_folders) + len(drawn) + same


@rule(
    RULES,
    "error",
    "datasets[].control_path",
    *(f"datasets[].{name}" for name in _NUMBERED),
    "datasets[].control_from_same_folder",
)
def one_source_of_controls(scope: Scope) -> Iterator[Problem]:
    """A list of folders, numbered folders, or random neighbours."""
    for path, dataset in scope.datasets():
        numbered = [folder for name in _NUMBERED if (folder := getattr(dataset, name))]
        listed = dataset.control_path
        if listed and numbered and listed != numbered:
            message = "names other folders than control_path_1 to control_path_3: give one of them"
            yield Problem(f"{path}.control_path", message, "null")
        if dataset.control_from_same_folder and (listed or numbered):
            message = "cannot be combined with folders of control images"
            yield Problem(f"{path}.control_from_same_folder", message, "false")


@rule(RULES, "warning", "datasets[].control_path", "datasets[].controls", "model.arch")
def nobody_looks_at_controls(scope: Scope) -> Iterator[Problem]:
    """Control images are for models or adapters with an input for them."""
    assisted = scope.process.train.adapter_assist_name_or_path
    if scope.family.can(("control",)) or assisted or _follows(scope):
        return
    for path, dataset in scope.datasets():
        if control_count(dataset):
            name = "control_path" if dataset.control_path else _first(dataset)
            message = f"is not looked at: neither {scope.family.label} nor an adapter takes it"
            yield Problem(f"{path}.{name}", message)


def _follows(scope: Scope) -> bool:
    adapter = chosen(scope, *FOLLOWS_PICTURES, "reference")
    return adapter is not None


def _first(dataset: Dataset) -> str:
    names = (*_NUMBERED, "control_from_same_folder", "controls")
    return next(name for name in names if getattr(dataset, name))


@rule(RULES, "error", "datasets[].mask_path", "datasets[].alpha_mask", "datasets[].controls")
def one_source_of_masks(scope: Scope) -> Iterator[Problem]:
    """A folder of masks, the pictures' own transparency, or masks that are made."""
    for path, dataset in scope.datasets():
        made = any(name in dataset.controls for name in _MASKING)
        if dataset.mask_path and dataset.alpha_mask:
            message = "cannot be combined with mask_path: both are the mask"
            yield Problem(f"{path}.alpha_mask", message, "false")
        if made and (dataset.mask_path or dataset.alpha_mask):
            other = "mask_path" if dataset.mask_path else "alpha_mask"
            yield Problem(f"{path}.controls", f"makes masks, and {other} gives them already")
        if set(_MASKING) <= set(dataset.controls):
            yield Problem(f"{path}.controls", "mask and sapiens2_mask are both the mask")


@rule(RULES, "error", "datasets[].inpaint_path", "datasets[].controls")
def one_source_of_inpainting(scope: Scope) -> Iterator[Problem]:
    """Inpaint pictures are given or made."""
    for path, dataset in scope.datasets():
        if dataset.inpaint_path and "inpaint" in dataset.controls:
            message = "makes inpaint pictures, and inpaint_path gives them already"
            yield Problem(f"{path}.controls", message)


@rule(
    RULES, "warning", "datasets[].inpaint_path", "adapter.has_inpainting_input", "model.arch"
)  # fmt: skip
def nobody_inpaints(scope: Scope) -> Iterator[Problem]:
    """Inpaint pictures are for models or adapters with an input for them."""
    adapter = chosen(scope, "control_lora")
    takes = adapter is not None and adapter.has_inpainting_input
    for path, dataset in scope.datasets():
        if dataset.inpaint_path and not takes and not scope.family.can(("inpaint_input",)):
            message = f"is not looked at: neither {scope.family.label} nor an adapter takes it"
            yield Problem(f"{path}.inpaint_path", message, "null")


@rule(RULES, "error", "datasets[].controls", "datasets[].num_frames")
def controls_of_videos(scope: Scope) -> Iterator[Problem]:
    """Controls are made of single pictures."""
    for path, dataset in scope.datasets():
        if dataset.controls and dataset.takes_videos:
            yield Problem(f"{path}.controls", "is for pictures, not for videos", "[]")


@rule(
    RULES,
    "error",
    "datasets[].control_from_same_folder",
    "datasets[].cache_text_embeddings",
    "train.cache_text_embeddings",
    "model.arch",
)
def random_controls_in_a_cached_text(scope: Scope) -> Iterator[Problem]:
    """Edit models read control images together with the caption."""
    if not scope.family.can(("control",)) or scope.family.kind != "edit":
        return
    for path, dataset in scope.datasets():
        kept = dataset.cache_text_embeddings or scope.process.train.cache_text_embeddings
        if kept and dataset.control_from_same_folder:
            message = "is drawn at each step, and text embeddings that hold it are cached"
            yield Problem(f"{path}.control_from_same_folder", message, "false")


@rule(RULES, "error", "datasets[].unconditional_path", "network")
def pairs_need_a_network(scope: Scope) -> Iterator[Problem]:
    """One side of a pair is predicted without the network."""
    for path, dataset in scope.datasets():
        if dataset.unconditional_path and scope.process.network is None:
            message = "needs a network, which is switched off for one side"
            yield Problem(f"{path}.unconditional_path", message, "null")


@rule(RULES, "error", "datasets[].guidance_type", "model.arch")
def pair_guidance_fits_the_model(scope: Scope) -> Iterator[Problem]:
    """Most formulas are for noise prediction, one for flow matching, one for both."""
    flow = scope.family.can(("flow",))
    for path, dataset in scope.datasets():
        kind = dataset.guidance_type
        if (
            not dataset.unconditional_path
            or kind == "polarity"
            or (kind == "targeted_flow") == flow
        ):
            continue
        what = "flow matching" if kind == "targeted_flow" else "noise prediction"
        message = f"{kind} is for {what}, which {scope.family.label} does not do"
        fitting = "targeted_flow" if flow else "targeted"
        yield Problem(f"{path}.guidance_type", message, fitting)


@rule(
    RULES,
    "error",
    "datasets[].clip_image_path",
    "datasets[].clip_image_from_same_folder",
    "adapter.type",
)
def references_have_one_source_and_a_reader(scope: Scope) -> Iterator[Problem]:
    """Reference images come from a folder or from neighbours, for an adapter that looks at them."""
    reader = chosen(scope, *SEES_PICTURES, "reference")
    for path, dataset in scope.datasets():
        if dataset.clip_image_path and dataset.clip_image_from_same_folder:
            message = "cannot be combined with clip_image_path"
            yield Problem(f"{path}.clip_image_from_same_folder", message, "false")
        for name, off in (("clip_image_path", "null"), ("clip_image_from_same_folder", "false")):
            if getattr(dataset, name) and reader is None:
                message = "needs an adapter that looks at reference images"
                yield Problem(f"{path}.{name}", message, off)


@rule(
    RULES,
    "error",
    "datasets[].cache_clip_vision_to_disk",
    "datasets[].clip_image_path",
    "datasets[].clip_image_augmentations",
    "datasets[].clip_image_from_same_folder",
    "adapter.train_image_encoder",
)
def seen_once_and_for_all(scope: Scope) -> Iterator[Problem]:
    """What an encoder saw can be kept where neither encoder nor picture changes."""
    adapter = chosen(scope, *SEES_PICTURES)
    for path, dataset in scope.datasets():
        if not dataset.cache_clip_vision_to_disk:
            continue
        reasons = {
            "needs an adapter that looks at reference images": adapter is None,
            "needs clip_image_path": not dataset.clip_image_path,
            "cannot be combined with clip_image_augmentations": dataset.clip_image_augmentations,
            "cannot be combined with clip_image_from_same_folder, which draws at each step":
                dataset.clip_image_from_same_folder,
            "cannot be combined with adapter.train_image_encoder":
                adapter is not None and adapter.train_image_encoder,
        }  # fmt: skip
        for message, holds in reasons.items():
            if holds:
                yield Problem(f"{path}.cache_clip_vision_to_disk", message, "false")
