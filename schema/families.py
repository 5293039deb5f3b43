"""What each model family is and can do: data only, read by check, form and engine.

Options apply to capabilities, never to families; this table says which family has which. Adding a
family is a row here and a file in `engine/families/`.
"""

from dataclasses import dataclass
from typing import Final, Literal

CAPABILITIES: Final[dict[str, str]] = {
    "alpha_bar": "trained with an alpha-bar noise table (not flow matching)",
    "flow": "trained by flow matching",
    "two_experts": "two denoisers, one for high and one for low noise",
    "guidance_embedding": "takes the guidance scale as an input",
    "second_text_encoder": "has a second text encoder",
    "trainable_text_encoder": "has a text encoder small enough to train",
    "separate_vae": "works in the latent space of a VAE that can be exchanged",
    "convolutions": "has convolution layers that a network can adapt",
    "kohya_keys": "LoRA files in the kohya layout, which has an alpha",
    "chosen_sampler": "previews are drawn with the sampler of the config",
    "single_file": "loads from a single checkpoint file",
    "video": "makes videos",
    "control": "takes control or reference images",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRow:
    """One family. `spatial` is the pixel step of a latent, `multiple` what sides must divide by,
    `bucket_step` what the sides of training sizes are rounded to (the reference trainer's).
    """

    arch: str
    label: str
    aliases: tuple[str, ...] = ()
    prediction: Literal["epsilon", "v_prediction", "flow"] = "epsilon"
    latent_channels: int = 4
    spatial: int = 8
    multiple: int = 8
    bucket_step: int = 16
    resolution: int = 512
    capabilities: frozenset[str] = frozenset()
    engine: bool = False
    denoiser_folder: str = "unet"
    denoiser_class: str = "UNet2DConditionModel"
    text_width: int | None = None
    text_encoders: tuple[str, ...] = ("text_encoder",)

    def can(self, needs: tuple[str, ...]) -> bool:
        """Whether the family has every capability that an option's `applies_to` names."""
        return all(need == "all" or need in self.capabilities for need in needs)

    def lacks(self, needs: tuple[str, ...]) -> str | None:
        """Why an option does not apply: the words on the first missing capability, else None."""
        for need in needs:
            if need != "all" and need not in self.capabilities:
                return (
                    f"only for models that are {CAPABILITIES[need]}"
                    if need
                    in {
                        "alpha_bar",
                        "flow",
                    }
                    else f"only for a model of this kind: {CAPABILITIES[need]}"
                )
        return None


FAMILIES: Final[dict[str, FamilyRow]] = {
    row.arch: row
    for row in (
        FamilyRow(
            arch="sd1",
            label="Stable Diffusion 1.x",
            aliases=("sd15", "sd1.5"),
            capabilities=frozenset(
                {
                    "alpha_bar",
                    "trainable_text_encoder",
                    "separate_vae",
                    "convolutions",
                    "kohya_keys",
                    "chosen_sampler",
                    "single_file",
                }
            ),
            engine=True,
        ),
    )
}


def family(arch: str) -> FamilyRow | None:
    """The row of an architecture name or alias; a tag after a colon (`zimage:turbo`) is ignored."""
    name = arch.split(":", 1)[0].lower()
    if name in FAMILIES:
        return FAMILIES[name]
    return next((row for row in FAMILIES.values() if name in row.aliases), None)
