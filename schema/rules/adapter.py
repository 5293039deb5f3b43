"""Rules on an adapter as a whole: does it fit the model, is there something to train, from what."""

from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.adapter import Adapter
from schema.sections.adapter.names import FOLLOWS_PICTURES, IMAGE_PROMPT, SEES_PICTURES
from schema.sections.datasets import Dataset

RULES: list[Rule] = []


def chosen(scope: Scope, *types: str) -> Adapter | None:
    """The adapter, if there is one and it is of one of these types (of any where none is named)."""
    adapter = scope.process.adapter
    if adapter is None or (types and adapter.type not in types):
        return None
    return adapter


@rule(RULES, "error", "adapter.type", "model.arch")
def adapter_fits_the_model(scope: Scope) -> Iterator[Problem]:
    """Each adapter type is made for some architectures."""
    adapter, row = chosen(scope), scope.family
    if adapter is not None and adapter.type not in row.adapters:
        message = f"{adapter.type} is not made for {row.label}; it takes {', '.join(row.adapters)}"
        yield Problem("adapter.type", message)


@rule(RULES, "error", "adapter.train", "adapter.name_or_path")
def adapter_does_something(scope: Scope) -> Iterator[Problem]:
    """An adapter is trained, or is a ready-made one."""
    adapter = chosen(scope)
    if adapter is not None and not adapter.train and adapter.name_or_path is None:
        message = "is off and there is no name_or_path: the adapter is neither trained nor loaded"
        yield Problem("adapter.train", message, "true")


@rule(RULES, "warning", "adapter.train", "network")
def whole_model_beside_an_adapter(scope: Scope) -> Iterator[Problem]:
    """A frozen adapter and no network leave the whole base model to be trained."""
    adapter = chosen(scope)
    untrained = adapter is not None and not adapter.train and adapter.name_or_path is not None
    if untrained and scope.process.network is None:
        message = "is off and there is no network, so the whole base model is fine-tuned"
        yield Problem("adapter.train", message, "true")


@rule(RULES, "error", "adapter.image_encoder_path", "adapter.type")
def pictures_need_an_encoder(scope: Scope) -> Iterator[Problem]:
    """Types that look at pictures need a vision model; PhotoMaker has one of its own."""
    adapter = chosen(scope, *SEES_PICTURES)
    if adapter is None or adapter.type == "photo_maker" or adapter.image_encoder_arch == "safe":
        return
    if adapter.image_encoder_path is None:
        message = f"is required by the type {adapter.type}: the model that looks at the pictures"
        yield Problem("adapter.image_encoder_path", message)


_NEEDED = {
    "clip": ("num_tokens", "trigger_class_name"),
    "text_encoder": ("text_encoder_path", "num_tokens"),
    "llm_adapter": ("text_encoder_path",),
    "te_augmenter": ("num_tokens",),
    "single_value": ("num_tokens",),
    "photo_maker": ("class_names",),
}
_WHAT = {
    "num_tokens": "how many tokens or numbers there are",
    "trigger_class_name": "an ordinary word to start from",
    "text_encoder_path": "the text model that reads the prompts",
    "class_names": "words that the identity is bound to",
}


@rule(RULES, "error", "adapter.num_tokens", "adapter.trigger_class_name", "adapter.class_names")
def type_has_what_it_needs(scope: Scope) -> Iterator[Problem]:
    """Options without which a type cannot be built."""
    adapter = chosen(scope)
    if adapter is None:
        return
    for name in _NEEDED.get(adapter.type, ()):
        if getattr(adapter, name) in (None, []):
            message = f"is required by the type {adapter.type}: {_WHAT[name]}"
            yield Problem(f"adapter.{name}", message)


@rule(RULES, "error", "network", "adapter.type")
def type_needs_a_network(scope: Scope) -> Iterator[Problem]:
    """iLoRA makes the weights of a LoRA, the reference adapter works through one."""
    adapter = chosen(scope, "ilora", "reference")
    if adapter is not None and scope.process.network is None:
        message = f"is required by an adapter of type {adapter.type}"
        yield Problem("network", message)


@rule(RULES, "error", "adapter.type", "train.loss_type")
def mean_flow_needs_its_loss(scope: Scope) -> Iterator[Problem]:
    """The second timestep comes from the loss."""
    loss = scope.process.train.loss_type
    if chosen(scope, "mean_flow") is not None and loss != "mean_flow":
        message = "an adapter of type mean_flow learns through the loss mean_flow only"
        yield Problem("train.loss_type", message, "mean_flow")


@rule(RULES, "error", "datasets[].control_path", "adapter.type")
def control_pictures_are_there(scope: Scope) -> Iterator[Problem]:
    """Types that follow a control picture need one for at least one dataset."""
    adapter = chosen(scope, *FOLLOWS_PICTURES)
    if adapter is None or adapter.image_dir is not None:
        return
    if not any(item.control_path or item.controls for _, item in _learned(scope)):
        message = f"an adapter of type {adapter.type} needs control pictures: control_path"
        yield Problem("datasets", message)


@rule(RULES, "error", "datasets[].clip_image_path", "adapter.type")
def reference_pictures_are_there(scope: Scope) -> Iterator[Problem]:
    """Types that look at pictures need them for at least one dataset; i2v takes first frames."""
    adapter = chosen(scope, *SEES_PICTURES)
    if adapter is None or adapter.type == "i2v" or adapter.image_dir is not None:
        return
    if not any(
        item.clip_image_path or item.clip_image_from_same_folder for _, item in _learned(scope)
    ):
        message = f"an adapter of type {adapter.type} needs reference pictures: clip_image_path"
        yield Problem("datasets", message)


@rule(RULES, "error", "datasets[].extra_values", "adapter.num_tokens")
def values_are_there(scope: Scope) -> Iterator[Problem]:
    """single_value is conditioned on numbers of the dataset, as many as it has tokens."""
    adapter = chosen(scope, "single_value")
    if adapter is None:
        return
    for path, item in _learned(scope):
        count = len(item.extra_values)
        if count != (adapter.num_tokens or count or 1):
            message = f"{count} values are given, but adapter.num_tokens is not that number"
            yield Problem(f"{path}.extra_values", message)


def _learned(scope: Scope) -> list[tuple[str, Dataset]]:
    """The datasets that are learned from, without those that only preserve."""
    return [(path, item) for path, item in scope.datasets() if not item.is_reg]


@rule(RULES, "warning", "adapter.test_img_path", "train.disable_sampling")
def previews_lack_a_picture(scope: Scope) -> Iterator[Problem]:
    """Types that follow a picture have nothing to follow in previews."""
    adapter = chosen(scope, *FOLLOWS_PICTURES)
    sample = scope.process.sample
    if adapter is None or scope.process.train.disable_sampling or not sample.items:
        return
    if not adapter.test_img_path:
        message = "is empty, so previews are drawn without a picture to follow"
        yield Problem("adapter.test_img_path", message)


@rule(RULES, "warning", "adapter.lora_config", "network")
def two_loras_on_the_same_layers(scope: Scope) -> Iterator[Problem]:
    """A LoRA inside the adapter and one beside it."""
    adapter = chosen(scope)
    if (
        adapter is not None
        and adapter.lora_config is not None
        and scope.process.network is not None
    ):
        message = "and network: train two LoRAs on the same layers"
        yield Problem("adapter.lora_config", message)


@rule(RULES, "error", "adapter.train", "train.merge_network_on_save")
def nothing_is_merged_into_a_frozen_model(scope: Scope) -> Iterator[Problem]:
    """The base model under a trained adapter is not saved."""
    adapter = chosen(scope)
    merged = scope.process.train.merge_network_on_save
    if adapter is not None and adapter.train and merged:
        message = "cannot be combined with a trained adapter, whose base model is not saved"
        yield Problem("train.merge_network_on_save", message, "false")


@rule(RULES, "error", "adapter.type", "train.do_cfg")
def control_net_without_guidance(scope: Scope) -> Iterator[Problem]:
    """A ControlNet follows the conditional prediction only."""
    if chosen(scope, "control_net") is not None and scope.process.train.do_cfg:
        message = "cannot be combined with a ControlNet"
        yield Problem("train.do_cfg", message, "false")


@rule(RULES, "error", "datasets[].cache_clip_vision_to_disk", "adapter.train_image_encoder")
def cached_pictures_skip_the_encoder(scope: Scope) -> Iterator[Problem]:
    """What is cached no longer goes through the encoder; only image prompts read the cache."""
    adapter = chosen(scope)
    if adapter is None:
        return
    trained = adapter.train_image_encoder or adapter.train_only_image_encoder
    for path, item in scope.datasets():
        if not item.cache_clip_vision_to_disk:
            continue
        place = f"{path}.cache_clip_vision_to_disk"
        if trained:
            yield Problem(place, "would leave the encoder nothing to learn from", "false")
        elif adapter.type not in IMAGE_PROMPT:
            yield Problem(place, f"is not read by the type {adapter.type}", "false")
