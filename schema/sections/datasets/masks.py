"""`datasets:` - masks, and pairs of pictures whose difference is learned."""

from typing import Literal

from schema.option import Section, opt

_GROUP = "Control images and masks"
_MASKED = (
    "datasets[].mask_path|datasets[].alpha_mask|datasets[].controls=mask|datasets[].controls=sapiens2_mask",
)


class Masks(Section):
    """The options of a dataset on masks and pairs."""

    mask_path: str | None = opt(
        None,
        "Focus mask folder",
        "Black and white pictures named like the training pictures. White counts fully, black not "
        "at all.",
        group=_GROUP,
        on_resume="new-trajectory",
        editor="folder",
        applies_to=("pictures",),
        requires=("datasets[].buckets",),
        conflicts=("datasets[].alpha_mask",),
        detail="Found by name. Mirrored, blurred a little (a radius of up to half a percent of "
        "the shorter side), scaled and cropped like the picture; m' = mask_min_value + m (1 - "
        "mask_min_value). The loss of each latent is multiplied by m' / mean(m') over the batch, "
        "so that the average weight stays 1. Pictures without a mask count fully.",
        min_length=1,
    )
    alpha_mask: bool = opt(
        False,
        "Use alpha as mask",
        "Takes each picture's own transparency as its mask. Transparent parts are not learned.",
        group=_GROUP,
        on_resume="new-trajectory",
        applies_to=("pictures",),
        requires=("datasets[].buckets",),
        conflicts=("datasets[].mask_path",),
        detail="Opaque is 1. The colours below transparent parts stay as they are in the file. A "
        "picture without an alpha channel counts fully.",
    )
    invert_mask: bool = opt(
        False,
        "Invert mask",
        "Swaps black and white in the mask, so that the black part is learned.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        requires=_MASKED,
        detail="255 - value, before mask_min_value and everything else.",
    )
    mask_min_value: float = opt(
        0.0,
        "Mask minimum",
        "Smallest weight that a black part gets. 0.1 still learns a little of the background.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        requires=_MASKED,
        detail="m' = min + m (1 - min); 1 switches the mask off.",
        ge=0,
        le=1,
    )
    unconditional_path: str | None = opt(
        None,
        "Unconditional images folder",
        "Pictures of the state before, named like the training pictures. Training then learns the "
        "difference.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        editor="folder",
        applies_to=("pictures",),
        requires=("network",),
        detail="Found by name, and treated like its partner. Batches with such pairs have the "
        "loss that guidance_type names in place of the usual one.",
        min_length=1,
    )
    guidance_type: Literal[
        "targeted", "polarity", "tnt", "targeted_polarity", "direct", "targeted_flow"
    ] = opt(
        "targeted",
        "Pair guidance type",
        "How pairs of pictures become a loss.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        applies_to=("pictures",),
        requires=("datasets[].unconditional_path",),
        choices={
            "targeted": "learn where the two differ, keep the rest (noise prediction)",
            "polarity": "one at +strength, the other at -strength",
            "tnt": "this, not that: pull to one, push a little from the other (noise prediction)",
            "targeted_polarity": "the difference is put into the noise (noise prediction)",
            "direct": "as classifier-free guidance with the pair (noise prediction)",
            "targeted_flow": "learn where the two differ (flow matching)",
        },
        detail="c, u: latents of picture and partner; e: noise; z: noised with the same e and t; "
        "f_m: prediction at network strength m, f_off without; w: network_weight. targeted: "
        "|(f_w(z_c) - e)^2 - (f_off(z_u) - e)^2| S + |(f_w(z_c) - e)^2 - (f_(w-1)(z_u) - e)^2|, "
        "with S from 1 to 2 where |u - c| is large. polarity: (f_w(z_c) - T_c)^2 + (f_-w(z_u) - "
        "T_u)^2 with the usual targets T. tnt: a + 0.01 b |a| / |b| with a = (f_w(z_c) - e)^2 and "
        "b = -(f_w(z_u) - e)^2. targeted_polarity: c is noised with e + d, u with e - d, d = 0.2 "
        "(u - c), each its own target. direct: (g - e)^2 with g = p_u + 1.1 (p_c - p_u). "
        "targeted_flow: target e* - c with e* = M e + (1 - M)(f_off(z_u) + u), M the difference "
        "of the two scaled to [0, 1].",
    )
