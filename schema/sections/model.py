"""`model:` - the base model and how it is loaded."""

from typing import Literal

from schema.option import REQUIRED, Section, opt


class Model(Section):
    """Everything under `model:`."""

    name_or_path: str = opt(
        REQUIRED,
        "Model name or path",
        "The base model: a local diffusers folder, a checkpoint file, or a Hugging Face "
        "repository like user/model.",
        group="Model",
        editor="model",
        on_resume="refused",
        min_length=1,
    )
    arch: Literal["sd1"] = opt(
        "sd1",
        "Architecture",
        "Which kind of model this is. It decides how the model is loaded, trained, sampled and "
        "saved.",
        group="Model",
        choices={"sd1": "Stable Diffusion 1.x"},
        synonyms={"sd15": "sd1", "sd1.5": "sd1"},
        default_note="The reference has no default and then means sd1.",
        on_resume="refused",
    )
    vae_path: str | None = opt(
        None,
        "Custom VAE",
        "Use a different VAE than the one in the base model.",
        group="Model Variants & Paths",
        tier="advanced",
        editor="path",
        applies_to=("separate_vae",),
        on_resume="refused",
        min_length=1,
    )
