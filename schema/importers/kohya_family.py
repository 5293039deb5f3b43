"""Which family a kohya config trains: by the script, the network module, or what else it names."""

import re
from typing import Any, Final

from schema.importers.draft import Draft
from schema.importers.tables import Source, switch

SCRIPTS: Final = (
    ("sdxl_", "sdxl"), ("flux_", "flux"), ("sd3_", "sd3"), ("lumina_", "lumina2"),
    ("anima_", "anima"),
)  # fmt: skip
_MODULES: Final = {
    "networks.lora_flux": "flux", "networks.lora_sd3": "sd3", "networks.lora_lumina": "lumina2",
    "networks.lora_anima": "anima",
}  # fmt: skip
_XL: Final = re.compile(r"xl|pony|illustrious|noob", re.I)
_MARKS: Final[tuple[tuple[str, str], ...]] = (
    ("clip_g", "sd3"), ("gemma2", "lumina2"), ("t5xxl", "flux"), ("apply_t5_attn_mask", "flux"),
    ("model_prediction_type", "flux"), ("learning_rate_te1", "sdxl"), ("learning_rate_te2", "sdxl"),
)  # fmt: skip


def put_family(source: Source, draft: Draft, script: str) -> None:
    """Write `model.arch`, told where it is a guess."""
    draft.took("model.arch", *source.present("model_type", "v2", "sdxl"))
    kind, two, large = source.take("model_type"), source.take("v2"), source.take("sdxl")
    module = str(source.look("network_module", ""))
    named = next((arch for start, arch in SCRIPTS if script.startswith(start)), None)
    if kind == "chroma":
        named = "chroma"
    elif _on(two):
        named = "sd2"
    named = named or _MODULES.get(module) or ("sdxl" if _on(large) else None)
    named = named or next((arch for key, arch in _MARKS if key in source), None)
    draft.put("model.arch", named or _guessed(source, draft, script))
    if "hunyuan" in script or "hunyuan" in module:
        draft.lost("model", script or module, "HunyuanImage is no family here")


def _on(value: Any) -> bool:
    try:
        return value is not None and switch(value)
    except ValueError:
        return False


def _guessed(source: Source, draft: Draft, script: str) -> str:
    """Without a script it may be SDXL: the name of the model is all there is to go by."""
    name = str(source.look("pretrained_model_name_or_path", ""))
    if not script and _XL.search(name.replace("\\", "/").rsplit("/", 1)[-1]):
        draft.told("family", "sdxl", "taken from the model's name")
        return "sdxl"
    if not script:
        draft.told("family", "sd1", "the file does not say; set model.arch if it is another")
    return "sd1"
