"""`model:` - which model: where it is and of what family, in today's and in older spellings."""

from typing import Any

from pydantic import model_validator

from schema.families import FAMILIES, arch_of, family
from schema.families.names import ArchName
from schema.option import REQUIRED, Section, opt

_MODEL = "Model"


class Basics(Section):
    """Which model it is."""

    name_or_path: str = opt(
        REQUIRED,
        "Model name or path",
        "The base model: a local diffusers folder, a checkpoint file, or a Hugging Face "
        "repository like user/model.",
        group=_MODEL,
        editor="model",
        on_resume="refused",
        detail="Folders have the diffusers layout (unet or transformer, text_encoder, tokenizer, "
        "vae, scheduler). A single .safetensors or .ckpt file works for the families that come "
        "that way; some families take one file of a repository, as user/repo/file.safetensors. "
        "When a full fine-tuning goes on, the newest save takes the place of the denoiser, while "
        "VAE and text encoder still come from here.",
        min_length=1,
    )
    arch: ArchName = opt(
        "sd1",
        "Architecture",
        "Which kind of model this is. It decides how the model is loaded, trained, sampled and "
        "saved.",
        group=_MODEL,
        choices={name: row.label for name, row in FAMILIES.items()},
        synonyms={alias: row.arch for row in FAMILIES.values() for alias in row.aliases},
        default_note="ai-toolkit has no default and then means sd1.",
        on_resume="refused",
        detail="A tag after a colon is a note to people: zimage:turbo is zimage. The older flags "
        "(is_xl, is_flux and so on) are still read and mean the same; two that disagree are an "
        "error.",
    )
    is_v_pred: bool = opt(
        False,
        "V-prediction model",
        "The model predicts velocity (v) instead of noise, as SD 2.1 768 and some SDXL models do.",
        group=_MODEL,
        tier="advanced",
        applies_to=("unet",),
        on_resume="refused",
        detail="The training target becomes v = sqrt(abar) * noise - sqrt(1 - abar) * x, "
        "previews follow, and min-SNR weighting divides by snr + 1 in place of snr. It does not "
        "bring the last noise level to zero signal by itself.",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_older_spellings(cls, data: Any) -> Any:
        """A tagged name, an alias or a flag becomes the family's name; `type|adapter` is split."""
        if not isinstance(data, dict):
            return data
        result = dict(data)
        written = data.get("arch")
        row = family(arch_of(data)) if written is None or isinstance(written, str) else None
        if row is not None and (written or row.arch != "sd1"):
            result["arch"] = row.arch
        _split_quantization(result)
        return result


def _split_quantization(model: dict[Any, Any]) -> None:
    """`uint3|user/repo/file` holds the recovery adapter too; what disagrees is kept for a rule."""
    written = model.get("qtype")
    if not isinstance(written, str) or "|" not in written:
        return
    model["qtype"], adapter = written.split("|", 1)
    given = model.get("accuracy_recovery_adapter")
    if isinstance(given, str) and given and given != adapter:
        adapter = f"{given}|{adapter}"
    model["accuracy_recovery_adapter"] = adapter
