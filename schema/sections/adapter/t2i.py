"""`adapter:` - the layers of a T2I-Adapter."""

from typing import Annotated, Literal

from pydantic import Field

from schema.option import Section, opt
from schema.sections.adapter.names import TYPE as _TYPE

_GROUP = "IP-Adapter & Vision Features"


class T2I(Section):
    """The options of type t2i."""

    in_channels: int = opt(
        3,
        "Input channels",
        "Number of channels of the control picture the T2I-Adapter reads: 3 for RGB maps, 1 for "
        "greyscale.",
        group=_GROUP,
        tier="advanced",
        on_resume="refused",
        only_with=(_TYPE, ("t2i",)),
        detail="The first convolution has in_channels x downscale_factor^2 inputs. With 1 the RGB "
        "control picture is turned into its brightness.",
        ge=1,
        le=4,
    )
    channels: Annotated[list[Annotated[int, Field(gt=0)]], Field(min_length=1)] = opt(
        [320, 640, 1280, 1280],
        "Feature channels",
        "Width of each feature level. Must match the model's blocks; keep the default for SD 1.5, "
        "2.x and SDXL.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=(_TYPE, ("t2i",)),
        detail="Feature map i is added to the hidden state at the end of down block i, so the "
        "list must equal the block widths of the UNet; SDXL has three blocks and takes a repeated "
        "last entry. A light adapter repeats its last width by itself: leave that entry out.",
    )
    num_res_blocks: int = opt(
        2,
        "Residual blocks per level",
        "How many small residual blocks each T2I-Adapter level has. More blocks mean a bigger, "
        "slower adapter.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=(_TYPE, ("t2i",)),
        detail="Each block is a 3x3 convolution, ReLU and a 1x1 convolution around an identity; "
        "in a light adapter two 3x3 convolutions at a quarter of the width.",
        ge=1,
    )
    downscale_factor: int | None = opt(
        None,
        "Downscale factor",
        "How far the control picture is shrunk before the first layer. Empty takes 8, and 16 for "
        "SDXL.",
        group=_GROUP,
        tier="expert",
        unit="times",
        on_resume="refused",
        only_with=(_TYPE, ("t2i",)),
        default_note="8 for every model, as elsewhere, makes SDXL fail with a size mismatch.",
        detail="The first feature map has the size image / downscale_factor and must match the "
        "hidden state it is added to, which SDXL has already halved once.",
        ge=1,
        le=64,
    )
    adapter_type: Literal["full_adapter", "full_adapter_xl", "light_adapter", "clip_face"] = opt(
        "full_adapter",
        "Adapter variant",
        "Variant of the T2I network: full, its SDXL form, or a light one. clip_face is for image "
        "prompt types.",
        group="T2I-Adapter network",
        tier="expert",
        on_resume="refused",
        only_with=(_TYPE, ("t2i", "ip", "ip_clip_face")),
        choices={
            "full_adapter": "the usual T2I-Adapter",
            "full_adapter_xl": "its form for SDXL, chosen by itself there",
            "light_adapter": "small and fast, not for SDXL",
            "clip_face": "image prompt types: normalises the picture's vector",
        },
        detail="full_adapter becomes full_adapter_xl by itself on SDXL. clip_face divides the "
        "pooled image embedding of each sample by its length; it belongs to the types ip and "
        "ip_clip_face with clip_layer image_embeds.",
    )
