"""`adapter:` - control pictures, inpainting, start frames and the LoRA inside an adapter."""

from typing import Literal

from schema.option import Section, opt
from schema.sections.adapter.names import SEES_PICTURES, WITH_LORA
from schema.sections.adapter.names import TYPE as _TYPE
from schema.sections.network import Network

_GROUP = "Control Features"
_CONTROL_LORA = (_TYPE, ("control_lora",))


class Control(Section):
    """What control_lora, i2v, subpixel and mean_flow adapters take."""

    lora_config: Network | None = opt(
        None,
        "Built-in LoRA",
        "A LoRA that is trained together with the adapter. Same keys as the network section.",
        group=_GROUP,
        tier="advanced",
        on_resume="refused",
        only_with=(_TYPE, WITH_LORA),
        same_as="network",
        detail="It is attached to the transformer and saved inside the adapter file; without it "
        "only the adapter's own new layers are trained. Layers that the adapter itself replaces "
        "or adds are left out. It is off whenever the adapter is off, kept in float32 and never "
        "merged for previews.",
    )
    num_control_images: int = opt(
        1,
        "Control inputs",
        "How many control pictures are fed in at once. With inpainting on, the inpaint picture "
        "counts as one of them.",
        group=_GROUP,
        tier="advanced",
        unit="pictures",
        on_resume="refused",
        only_with=(_TYPE, ("control_lora", "photo_maker")),
        detail="control_lora: each slot widens the input projection by one latent (16 channels, "
        "64 after 2x2 packing). The inpaint picture comes first, then the folders of "
        "datasets[].control_path in their order; missing pictures are zeros.",
        ge=1,
    )
    control_image_dropout: float = opt(
        0.0,
        "Control dropout",
        "Chance that the control or reference image is left out in a step, so the model also "
        "works without it.",
        group=_GROUP,
        tier="advanced",
        unit="probability",
        on_resume="new-trajectory",
        only_with=(_TYPE, ("control_lora", *SEES_PICTURES)),
        detail="Drawn for each sample while training. control_lora: each control slot on its own "
        "becomes zeros (the inpaint slot: a zero latent and a mask of ones). Types with an image "
        "encoder get a picture of noise.",
        ge=0,
        le=1,
    )
    has_inpainting_input: bool = opt(
        False,
        "Inpainting input",
        "Give the model the masked picture plus its mask, so it learns to fill in missing areas.",
        group=_GROUP,
        tier="advanced",
        on_resume="refused",
        only_with=_CONTROL_LORA,
        detail="One more slot: the masked latent z0 (1 - m) and the mask m as a 17th channel (4 "
        "channels after packing), where m = 1 is to be invented. The mask comes from "
        "datasets[].inpaint_path (transparent = invent); where there is none, random blobs are "
        "drawn. Everything happens on cached latents.",
    )
    invert_inpaint_mask_chance: float = opt(
        0.0,
        "Mask inversion chance",
        "Chance to swap the kept and the painted area of the mask in a step.",
        group=_GROUP,
        tier="advanced",
        unit="probability",
        on_resume="new-trajectory",
        requires=("adapter.has_inpainting_input",),
        only_with=_CONTROL_LORA,
        detail="For each sample the mask m becomes 1 - m before the latent is masked.",
        ge=0,
        le=1,
    )
    subpixel_downscale_factor: Literal[8, 16] = opt(
        8,
        "Pixel packing factor",
        "How many pixels per side are packed into one latent pixel when the VAE is replaced by "
        "plain pixel shuffling.",
        group="Sub-pixel",
        tier="expert",
        on_resume="refused",
        only_with=(_TYPE, ("subpixel",)),
        choices={8: "192 latent channels, finer", 16: "768 latent channels, faster"},
        detail="Pixel unshuffle in place of the VAE: 192 channels with 8, 768 with 16. Latents "
        "are (x + 0.123) x 1.8. Decoding an encoding gives exactly the picture back.",
    )
    i2v_do_start_frame: bool = opt(
        False,
        "Feed start frame latent",
        "Besides the image embedding, also feed the encoded first frame with a mask. Turn on "
        "after a first phase without it.",
        group="I2V",
        tier="advanced",
        on_resume="refused",
        only_with=(_TYPE, ("i2v",)),
        detail="A second patch convolution over 20 channels (4 of mask, 16 of the encoded first "
        "frame) whose output is added to the first one. Off trains the image attention only. "
        "Needs the raw frames, not only cached latents.",
    )
