"""Rules on models in fewer bits, streamed layers and several GPUs."""

from collections.abc import Iterator

from schema.families import FAMILIES
from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []


def _nothing_beside_the_model(scope: Scope) -> bool:
    process = scope.process
    return process.network is None and process.adapter is None and process.embedding is None


@rule(RULES, "error", "model.quantize", "network.type", "train.merge_network_on_save")
def quantized_weights_do_not_train(scope: Scope) -> Iterator[Problem]:
    """Codes of few bits have no gradient."""
    alone = _nothing_beside_the_model(scope)
    if scope.process.model.quantize and alone and not scope.process.train.merge_network_on_save:
        message = "the weights of a quantized model cannot be trained; add a network, or turn off"
        yield Problem("model.quantize", message, "false")


@rule(RULES, "error", "model.quantize_te", "model.quantize", "train.train_text_encoder")
def quantized_text_encoder_does_not_train(scope: Scope) -> Iterator[Problem]:
    """The same for the text encoder, which follows `quantize` unless told."""
    model = scope.process.model
    quantized = model.quantize if model.quantize_te is None else model.quantize_te
    trained = scope.process.train.train_text_encoder and scope.process.network is None
    if quantized and trained:
        message = "the weights of a quantized text encoder cannot be trained without a network"
        yield Problem("model.quantize_te", message, "false")


@rule(RULES, "error", "model.text_encoder_bits", "train.train_text_encoder")
def few_bits_do_not_train(scope: Scope) -> Iterator[Problem]:
    """A text encoder of 8 or 4 bits is frozen."""
    bits = scope.process.model.text_encoder_bits
    if bits < 16 and scope.process.train.train_text_encoder:
        message = f"a text encoder of {bits} bits cannot be trained"
        yield Problem("model.text_encoder_bits", message, "16")


@rule(RULES, "error", "model.accuracy_recovery_adapter", "model.qtype")
def one_recovery_adapter(scope: Scope) -> Iterator[Problem]:
    """qtype may name an adapter after a bar; then it must be the same one."""
    adapters = (scope.process.model.accuracy_recovery_adapter or "").split("|")
    if len(set(adapters)) > 1:
        message = f"more than one adapter is named: {' and '.join(adapters)}"
        yield Problem("model.qtype", message, adapters[-1])


@rule(RULES, "error", "model.accuracy_recovery_adapter", "model.assistant_lora_path")
def recovery_or_assistant(scope: Scope) -> Iterator[Problem]:
    """Both want to be part of the base."""
    model = scope.process.model
    if model.accuracy_recovery_adapter and model.assistant_lora_path:
        message = "cannot be combined with model.assistant_lora_path"
        yield Problem("model.accuracy_recovery_adapter", message, "null")


@rule(RULES, "warning", "model.qtype", "model.accuracy_recovery_adapter", "model.arch")
def recovery_was_made_for_another_type(scope: Scope) -> Iterator[Problem]:
    """Known adapters were trained against one type and one family."""
    model = scope.process.model
    known = {file: (row, qtype) for row in FAMILIES.values() for _, file, qtype in row.recovery}
    row, qtype = known.get(model.accuracy_recovery_adapter or "", (scope.family, model.qtype))
    if row is not scope.family:
        message = f"this adapter was made for {row.label}, not for {scope.family.label}"
        yield Problem("model.accuracy_recovery_adapter", message)
    elif qtype != model.qtype:
        yield Problem("model.qtype", f"the recovery adapter was made for {qtype}", qtype)


@rule(RULES, "error", "model.layer_offloading", "train.merge_network_on_save")
def streamed_layers_cannot_be_merged(scope: Scope) -> Iterator[Problem]:
    """Merging needs the weights in one place."""
    if not scope.process.train.merge_network_on_save:
        return
    message = "cannot be combined with train.merge_network_on_save"
    if scope.process.model.layer_offloading:
        yield Problem("model.layer_offloading", message, "false")
    if scope.process.network is not None and scope.process.network.layer_offloading:
        yield Problem("network.layer_offloading", message, "false")


@rule(RULES, "error", "model.split_model_over_gpus", "model.layer_offloading")
def split_or_streamed(scope: Scope) -> Iterator[Problem]:
    """Two ways to make a model fit."""
    model = scope.process.model
    if model.split_model_over_gpus and model.layer_offloading:
        message = "pick one: layers are either streamed or spread over the GPUs"
        yield Problem("model.split_model_over_gpus", message, "false")


@rule(RULES, "error", "model.split_model_over_gpus", "network.type")
def split_models_train_a_network(scope: Scope) -> Iterator[Problem]:
    """The blocks lie on several cards; only a network beside them is trained."""
    if scope.process.model.split_model_over_gpus and scope.process.network is None:
        message = "a model that is split over GPUs trains a network, not itself"
        yield Problem("model.split_model_over_gpus", message, "false")


@rule(RULES, "hint", "model.low_vram", "model.layer_offloading", "device")
def nothing_to_save_on_a_cpu(scope: Scope) -> Iterator[Problem]:
    """Without a GPU there is no GPU memory."""
    if scope.process.device != "cpu":
        return
    for name in ("low_vram", "layer_offloading"):
        if getattr(scope.process.model, name):
            yield Problem(f"model.{name}", "does nothing on a CPU", "false")
