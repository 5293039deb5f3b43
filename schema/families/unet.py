"""Families built as a U-Net: Stable Diffusion 1 and 2, SDXL and its smaller versions."""

from dataclasses import replace
from typing import Final

from schema.families.row import UNET_NETWORKS, Betas, Encoder, FamilyRow

_BETAS: Final = Betas("scaled_linear", 0.00085, 0.012)
_CAN: Final = frozenset(
    {
        "unet", "classic", "alpha_bar", "pictures", "trainable_text_encoder",
        "separate_text_encoder", "separate_vae", "small_latents", "convolutions", "kohya_keys",
        "in_out_layers", "chosen_sampler", "single_file", "separate_denoiser",
    }
)  # fmt: skip
_FOR_ALL: Final = (
    "ilora", "t2i", "control_net", "ip", "ip+", "ip_clip_face", "ipz", "reference", "clip_fusion",
    "text_encoder", "vision_direct", "single_value",
)  # fmt: skip
_CLASS: Final = "UNet2DConditionModel"
_TARGET: Final = "Transformer2DModel"

_SD1: Final = FamilyRow(
    arch="sd1",
    label="Stable Diffusion 1.x",
    repositories=("stable-diffusion-v1-5/stable-diffusion-v1-5",),
    prediction="epsilon",
    target="noise",
    betas=_BETAS,
    latent_channels=4,
    multiple=8,
    resolution=512,
    capabilities=_CAN,
    denoiser_folder="unet",
    denoiser_class=_CLASS,
    target_class=_TARGET,
    encoders=(Encoder("CLIP-L", 77),),
    networks=UNET_NETWORKS,
    adapters=(*_FOR_ALL, "clip", "photo_maker", "te_augmenter"),
    keys="kohya",
)
_SDXL: Final = replace(
    _SD1,
    arch="sdxl",
    label="Stable Diffusion XL",
    flag="is_xl",
    repositories=("stabilityai/stable-diffusion-xl-base-1.0",),
    resolution=1024,
    capabilities=_CAN | {"second_text_encoder", "refiner", "rescaled_guidance"},
    text_encoders=("text_encoder", "text_encoder_2"),
    encoders=(Encoder("CLIP-L", 77), Encoder("OpenCLIP bigG", 77)),
    adapters=(*_FOR_ALL, "clip", "photo_maker"),
    note="Size and crop of each picture are told to the model. The second-to-last layers of both "
    "text encoders are joined.",
)
_SMALL_XL: Final = _CAN | {"second_text_encoder", "rescaled_guidance"}

ROWS: Final = (
    replace(_SD1, aliases=("sd15", "sd1.5"), engine=True),
    replace(
        _SD1,
        arch="sd2",
        engine=True,
        label="Stable Diffusion 2.x",
        flag="is_v2",
        repositories=("stabilityai/stable-diffusion-2-1",),
        resolution=768,
        encoders=(Encoder("OpenCLIP H", 77),),
        adapters=(*_FOR_ALL, "clip", "te_augmenter"),
        note="The 768 pixel models predict velocity. Folders say so themselves; for a single file "
        "that does not, set is_v_pred.",
    ),
    replace(_SDXL, engine=True),
    replace(
        _SDXL,
        arch="ssd",
        label="SSD-1B (a smaller SDXL)",
        flag="is_ssd",
        repositories=("segmind/SSD-1B",),
        capabilities=_SMALL_XL,
        adapters=_FOR_ALL,
        keys="kohya-original",
        note=None,
    ),
    replace(
        _SDXL,
        arch="vega",
        label="Segmind Vega (a smaller SDXL)",
        flag="is_vega",
        repositories=("segmind/Segmind-Vega",),
        capabilities=_SMALL_XL,
        adapters=_FOR_ALL,
        keys="kohya-original",
        note=None,
    ),
)
