"""Rules on the parts of an adapter: encoder, layer, tokens, strength values, T2I layers, iLoRA."""

from collections.abc import Iterator

from schema.rules.adapter import chosen
from schema.rules.rule import Problem, Rule, Scope, rule
from schema.sections.adapter.names import IMAGE_PROMPT, SEES_PICTURES

RULES: list[Rule] = []

_POOLED = ("ip", "ip_clip_face", "clip")
_UNPROJECTED = ("siglip", "siglip2", "safe", "convnext", "convnextv2")


@rule(RULES, "error", "adapter.image_encoder_arch", "adapter.type")
def encoder_fits_the_type(scope: Scope) -> Iterator[Problem]:
    """Some types need a projected vector, some a grid of tokens."""
    adapter = chosen(scope, *SEES_PICTURES)
    if adapter is None:
        return
    arch, path = adapter.image_encoder_arch, "adapter.image_encoder_arch"
    if adapter.type in ("ip", "ip_clip_face") and arch in _UNPROJECTED:
        message = f"{arch} has no projected vector, which the type {adapter.type} needs"
        yield Problem(path, message, "clip")
    elif adapter.type in IMAGE_PROMPT and arch == "pixtral":
        yield Problem(path, f"pixtral does not fit the type {adapter.type}", "clip")
    elif adapter.type == "redux" and arch not in ("siglip", "siglip2"):
        yield Problem(path, "redux reads the tokens of a SigLIP model", "siglip2")
    elif adapter.conv_pooling and arch not in ("siglip", "siglip2"):
        message = f"{arch} has a class token; conv_pooling needs siglip or siglip2"
        yield Problem(path, message, "siglip2")


@rule(RULES, "error", "adapter.clip_layer", "adapter.type")
def layer_fits_the_type(scope: Scope) -> Iterator[Problem]:
    """Types with a projection read one vector, types with a resampler read tokens."""
    adapter = chosen(scope, *SEES_PICTURES)
    if adapter is None or adapter.clip_layer is None:
        return
    pooled = adapter.clip_layer == "image_embeds"
    if adapter.type in _POOLED and not pooled:
        message = f"the type {adapter.type} reads the pooled vector"
        yield Problem("adapter.clip_layer", message, "image_embeds")
    needs_tokens = adapter.type in ("ip+", "ipz", "te_augmenter", "ilora") or adapter.conv_pooling
    if needs_tokens and pooled:
        message = "image_embeds is one vector, and tokens are needed here"
        yield Problem("adapter.clip_layer", message, "penultimate_hidden_states")


@rule(RULES, "error", "adapter.train_image_encoder", "adapter.train_only_image_encoder")
def encoder_is_trained_with_the_adapter(scope: Scope) -> Iterator[Problem]:
    """Nothing of an adapter is trained while it is off; an encoder from scratch must be."""
    adapter = chosen(scope, *SEES_PICTURES)
    if adapter is None:
        return
    for name in ("train_image_encoder", "train_only_image_encoder"):
        if getattr(adapter, name) and not adapter.train:
            message = "trains nothing while adapter.train is off"
            yield Problem(f"adapter.{name}", message, "false")
    learned = adapter.train_image_encoder or adapter.train_only_image_encoder
    if adapter.image_encoder_arch == "safe" and not learned:
        message = "must be on: the encoder safe has no pretrained weights"
        yield Problem("adapter.train_image_encoder", message, "true")


@rule(RULES, "error", "adapter.train_only_image_encoder_positional_embedding")
def encoder_has_positions(scope: Scope) -> Iterator[Problem]:
    """Convolutional and rotary encoders have no table of positions."""
    adapter = chosen(scope, *IMAGE_PROMPT)
    without = ("pixtral", "convnext", "convnextv2", "safe")
    if adapter is None or adapter.image_encoder_arch not in without:
        return
    if adapter.train_only_image_encoder_positional_embedding:
        message = f"{adapter.image_encoder_arch} has no table of positions"
        path = "adapter.train_only_image_encoder_positional_embedding"
        yield Problem(path, message, "false")


@rule(RULES, "error", "adapter.train_scaler", "adapter.merge_scaler", "adapter.train_image_encoder")
def one_way_to_train_strengths(scope: Scope) -> Iterator[Problem]:
    """Strength values alone, or with everything else, not both."""
    adapter = chosen(scope)
    if adapter is None:
        return
    if adapter.train_scaler and adapter.merge_scaler:
        message = "cannot be combined with train_scaler, which saves the strength values alone"
        yield Problem("adapter.merge_scaler", message, "false")
    if adapter.train_scaler and adapter.train_image_encoder:
        message = "cannot be combined with train_scaler, which trains nothing else"
        yield Problem("adapter.train_image_encoder", message, "false")
    if adapter.train_only_image_encoder and (adapter.train_scaler or adapter.merge_scaler):
        message = "cannot be combined with strength values, which would stay as they are"
        yield Problem("adapter.train_only_image_encoder", message, "false")


@rule(RULES, "warning", "adapter.scaler_lr", "adapter.train_scaler", "adapter.merge_scaler")
def strengths_are_trained(scope: Scope) -> Iterator[Problem]:
    """A learning rate for values that are not trained."""
    adapter = chosen(scope, *IMAGE_PROMPT)
    if adapter is None or adapter.scaler_lr is None:
        return
    if not adapter.train_scaler and not adapter.merge_scaler:
        message = "has no effect while train_scaler and merge_scaler are off"
        yield Problem("adapter.scaler_lr", message)


@rule(RULES, "error", "adapter.quad_image", "adapter.image_encoder_arch")
def four_tiles_are_averaged(scope: Scope) -> Iterator[Problem]:
    """Types and encoders for which the average of four tiles has no meaning."""
    adapter = chosen(scope)
    if adapter is None or not adapter.quad_image:
        return
    if adapter.type in ("photo_maker", "vision_direct", "te_augmenter", "i2v"):
        yield Problem("adapter.quad_image", f"does not fit the type {adapter.type}", "false")
    elif adapter.image_encoder_arch in ("clip+", "pixtral"):
        message = f"does not fit the encoder {adapter.image_encoder_arch}"
        yield Problem("adapter.quad_image", message, "false")


@rule(RULES, "error", "adapter.pixtral_max_image_size", "adapter.pixtral_random_image_size")
def pixtral_sizes(scope: Scope) -> Iterator[Problem]:
    """Whole patches of 16 pixels; random sizes begin at 256."""
    adapter = chosen(scope, *SEES_PICTURES)
    if adapter is None or adapter.image_encoder_arch != "pixtral":
        return
    size, path = adapter.pixtral_max_image_size, "adapter.pixtral_max_image_size"
    if size % 16:
        yield Problem(path, f"{size} is no multiple of 16", str(size // 16 * 16))
    if adapter.pixtral_random_image_size and size < 256:
        yield Problem(path, "random sizes begin at 256", "256")


@rule(RULES, "error", "adapter.conv_pooling", "adapter.num_tokens")
def one_way_to_pool(scope: Scope) -> Iterator[Problem]:
    """Both would shrink the tokens; stacked vectors do not fit the bottleneck."""
    adapter = chosen(scope, "vision_direct")
    if adapter is None:
        return
    if adapter.conv_pooling and adapter.num_tokens is not None:
        message = "cannot be combined with conv_pooling, which pools the tokens itself"
        yield Problem("adapter.num_tokens", message, "null")
    if adapter.sparse_autoencoder_dim is not None and adapter.conv_pooling_stacks > 1:
        message = "does not fit more than one pooled vector (conv_pooling_stacks)"
        yield Problem("adapter.sparse_autoencoder_dim", message, "null")


@rule(RULES, "error", "adapter.ilora_down", "adapter.ilora_mid", "adapter.ilora_up")
def ilora_drives_something(scope: Scope) -> Iterator[Problem]:
    """At least one part of the network is made from the picture."""
    adapter = chosen(scope, "ilora")
    if adapter is not None and not (adapter.ilora_down or adapter.ilora_mid or adapter.ilora_up):
        message = "down, mid and up are all off, so nothing is made from the picture"
        yield Problem("adapter.ilora_down", message, "true")


@rule(RULES, "error", "adapter.adapter_type", "adapter.type", "model.arch")
def variant_fits(scope: Scope) -> Iterator[Problem]:
    """Faces are for image prompts, the light network is not for SDXL."""
    adapter = chosen(scope, "t2i", "ip", "ip_clip_face")
    if adapter is None:
        return
    if adapter.type == "t2i" and adapter.adapter_type == "clip_face":
        message = "clip_face belongs to the types ip and ip_clip_face"
        yield Problem("adapter.adapter_type", message, "full_adapter")
    if adapter.type == "t2i" and adapter.adapter_type == "light_adapter" and _is_xl(scope):
        message = f"there is no light adapter for {scope.family.label}"
        yield Problem("adapter.adapter_type", message, "full_adapter")


@rule(RULES, "error", "adapter.downscale_factor", "model.arch")
def first_map_fits_the_model(scope: Scope) -> Iterator[Problem]:
    """The first feature map has the size of the hidden state it is added to."""
    adapter = chosen(scope, "t2i")
    right = 16 if _is_xl(scope) else 8
    if adapter is not None and adapter.downscale_factor not in (None, right):
        message = f"{scope.family.label} needs {right}"
        yield Problem("adapter.downscale_factor", message, str(right))


def _is_xl(scope: Scope) -> bool:
    return scope.family.can(("unet", "second_text_encoder"))


@rule(RULES, "warning", "adapter.num_control_images", "datasets[].control_path")
def slots_have_pictures(scope: Scope) -> Iterator[Problem]:
    """Slots without a folder are filled with zeros."""
    adapter = chosen(scope, "control_lora")
    if adapter is None:
        return
    slots = adapter.num_control_images - adapter.has_inpainting_input
    for path, dataset in scope.datasets():
        folders = len(dataset.control_path or ())
        if 0 < folders < slots:
            message = f"{folders} of {slots} control pictures are given; the rest is zeros"
            yield Problem(f"{path}.control_path", message)
