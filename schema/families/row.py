"""What is written down about one model family: the columns of the families table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from schema.families.capabilities import CAPABILITIES
from schema.formulas.sigmas import FlowShift

Kind = Literal["image", "edit", "video", "audio"]
Target = Literal["noise", "noise - x", "x - noise", "scale * noise - x", "x"]
KeyLayout = Literal[
    "kohya", "kohya-original", "kohya-transformer", "peft", "comfy", "wan", "ltx", "anima"
]

NETWORKS: Final = ("lora", "lokr", "dora", "fullrank")
"""Network types that fit every family."""

UNET_NETWORKS: Final = (*NETWORKS, "locon", "lorm")
"""Network types that fit a U-Net, which has convolutions."""


@dataclass(frozen=True, slots=True)
class Encoder:
    """A text encoder: what it is, and the longest prompt in its tokens (None: not fixed)."""

    name: str
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Betas:
    """The alpha-bar noise table: how the betas of 1000 steps are spaced, the first, the last."""

    spacing: Literal["scaled_linear", "linear"]
    first: float
    last: float


Shift = FlowShift
"""How far a flow model's noise levels lean towards noise: one value, or by resolution."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What `name:tag` stands for: a model of the family and values that go with it."""

    label: str
    repository: str
    suggests: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRow:
    """One family.

    `spatial` and `temporal` are the pixels and frames that one latent covers, `multiple` is what
    sides must divide by, `bucket_step` what the sides of training sizes are rounded to (as
    ai-toolkit does). `frames` (step, rest) admits frame counts of step * n + rest. `resolution` is
    the side of a square of the area that the model was made for. `latent_channels` is None where
    only the model's own config says it; the config of a denoiser that takes squares of latent
    pixels as one counts the channels of `packed` x `packed` of them. `shift` and `timestep_type`
    are of flow models, `betas` of the others. `controls` says how many control images are needed
    at least and taken at most.
    `suggests` are values by option path that suit the family, `recovery` the adapters that make up
    for few bits (which model, file, quantization type).
    """

    arch: str
    label: str
    kind: Kind = "image"
    aliases: tuple[str, ...] = ()
    flag: str | None = None
    repositories: tuple[str, ...] = ()
    variants: Mapping[str, Variant] = field(default_factory=dict)
    prediction: Literal["epsilon", "v_prediction", "flow", "sample"] = "flow"
    target: Target = "noise - x"
    betas: Betas | None = None
    shift: Shift | None = None
    timestep_type: str | None = None
    latent_channels: int | None = 16
    packed: int = 1
    spatial: int = 8
    temporal: int = 1
    frames: tuple[int, int] | None = None
    fps: int | None = None
    multiple: int = 16
    bucket_step: int = 16
    resolution: int = 1024
    capabilities: frozenset[str] = frozenset()
    engine: bool = False
    denoiser_folder: str = "transformer"
    denoiser_class: str = ""
    target_class: str = ""
    blocks: tuple[str, ...] = ()
    text_encoders: tuple[str, ...] = ("text_encoder",)
    encoders: tuple[Encoder, ...] = ()
    controls: tuple[int, int] = (0, 0)
    quantization: Literal["none", "whole", "blocks"] = "none"
    never_quantized: tuple[str, ...] = ()
    offloading: bool = False
    networks: tuple[str, ...] = NETWORKS
    adapters: tuple[str, ...] = ("ilora",)
    keys: KeyLayout = "peft"
    suggests: Mapping[str, Any] = field(default_factory=dict)
    recovery: tuple[tuple[str, str, str], ...] = ()
    note: str | None = None

    @property
    def repository(self) -> str:
        """The model that is usually taken."""
        return self.repositories[0]

    @property
    def scheduler(self) -> str:
        """The training noise in words."""
        if self.betas is not None:
            spacing = self.betas.spacing.replace("_", " ")
            return f"alpha-bar table, {spacing} betas {self.betas.first} to {self.betas.last}"
        if self.shift is None:
            return "flow matching"
        if self.shift.high is not None:
            return f"flow matching, shift {self.shift.low} to {self.shift.high} by resolution"
        return f"flow matching, shift {self.shift.low:g}"

    def can(self, needs: tuple[str, ...]) -> bool:
        """Whether the family has every capability that an option's `applies_to` names."""
        return all(need == "all" or need in self.capabilities for need in needs)

    def lacks(self, needs: tuple[str, ...]) -> str | None:
        """Why an option does not apply: the words on the first missing capability, else None."""
        for need in needs:
            if need != "all" and need not in self.capabilities:
                return f"only for a model that {CAPABILITIES[need]}"
        return None
