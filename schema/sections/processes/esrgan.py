"""`type: esrgan` - trains an upscaler."""

from typing import ClassVar

from schema.option import opt
from schema.sections.processes.names import spellings_of
from schema.sections.processes.pictures import Degradation, PictureTrainer

_GROUP = "Upscaler training"
_LOSSES = "VAE and upscaler training"


class EsrganProcess(PictureTrainer):
    """`type: esrgan`."""

    kind: ClassVar[str] = "esrgan"
    kinds: ClassVar[tuple[str, ...]] = spellings_of("esrgan")

    pretrained_path: str | None = opt(
        None,
        "Start upscaler",
        "ESRGAN weights to start from (.pth, .pt or .safetensors). Empty starts from scratch.",
        group=_GROUP,
        on_resume="refused",
        editor="path",
        detail="A save of this job comes first. Scale and number of blocks are read from the file.",
        min_length=1,
    )
    zoom: int = opt(
        4,
        "Upscale factor",
        "How much the network enlarges. Must be even.",
        group=_GROUP,
        unit="times",
        on_resume="refused",
        ge=2,
        le=16,
    )
    upscale_sample: int = opt(
        4,
        "Preview enlargement",
        "Enlargement of preview pictures (nearest neighbour).",
        group=_GROUP,
        tier="expert",
        unit="times",
        detail="Previews show input, output and target side by side.",
        ge=1,
    )
    augmentations: list[Degradation] = opt(
        [],
        "Default degradations",
        "Degradations of the input for datasets that list none of their own.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
    )
    tv_weight: float = opt(
        1.0,
        "Variation weight",
        "Matches the overall roughness of output and target.",
        group=_LOSSES,
        tier="expert",
        on_resume="new-trajectory",
        detail="|TV(output) - TV(target)| with TV the summed differences of neighbours divided by "
        "C H W.",
        ge=0,
    )
    pattern_weight: float = opt(
        1.0,
        "Pattern weight",
        "Suppresses checkerboard patterns.",
        group=_LOSSES,
        tier="expert",
        on_resume="new-trajectory",
        detail="Pixels are grouped by their place in a zoom x zoom grid; the deviation of group "
        "means from the colour's mean is compared between output and target.",
        ge=0,
    )
