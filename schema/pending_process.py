"""What waits for the engine in the process types and `adapter:`; see `schema.pending`."""

from typing import Final

_SLIDER: Final = "slider training"
_CAPTION: Final = "captioning"
_DRAW: Final = "drawing datasets and prompt lists"

ROWS: Final[dict[str, str]] = {
    "type=concept_slider": _SLIDER,
    "type=slider": _SLIDER,
    "type=image_reference_slider_trainer": _SLIDER,
    "type=ultimate_slider_trainer": _SLIDER,
    "type=concept_replacer": "concept replacement",
    "type=rescale_sd": "training for a smaller resolution",
    "type=vae": "training of autoencoders",
    "type=esrgan": "training of upscalers",
    "type=to_folder": _DRAW,
    "type=reference_generator": _DRAW,
    "type=batch_img2img": _DRAW,
    "type=pure_lora_generator": _DRAW,
    "type=locon": "extraction of LoRAs",
    "type=lora": "extraction of LoRAs",
    "type=rescale_lora": "rescaling of LoRAs",
    "type=example_merge_extension": "merging of models",
    "type=sync_from_collection": "download of photo collections",
    "type=super_tagger": "preparation of datasets",
    "type=Qwen3VLCaptioner": _CAPTION,
    "type=Qwen3OmniCaptioner": _CAPTION,
    "type=Ideogram4Captioner": _CAPTION,
    "type=AceStepCaptioner": _CAPTION,
    "adapter": "adapters",
    "guidance": "guidance burnt into a network",
    "name": "separate folders for the processes of a job",
}
