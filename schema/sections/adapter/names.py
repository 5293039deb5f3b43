"""The adapter types: what each is, and what the groups of types have in common."""

from typing import Final, Literal

AdapterType = Literal[
    "t2i", "ip", "ip+", "clip", "ilora", "photo_maker", "control_net", "control_lora", "i2v",
    "ip_clip_face", "ipz", "reference", "clip_fusion", "text_encoder", "llm_adapter",
    "te_augmenter", "vision_direct", "single_value", "redux", "mean_flow", "subpixel",
]  # fmt: skip

ADAPTER_WORDS: Final[dict[str, str]] = {
    "t2i": "T2I-Adapter: follows a depth, pose or line picture",
    "ip": "image prompt as one vector: style and subject",
    "ip+": "image prompt with detail, through a resampler",
    "clip": "words of the prompt replaced by vectors seen in a picture",
    "ilora": "a LoRA whose weights are made from a picture",
    "photo_maker": "identity of a person, bound to a class word",
    "control_net": "ControlNet: a trained copy of the model's first half follows a picture",
    "control_lora": "control pictures as further inputs, with an optional LoRA",
    "i2v": "turns a text-to-video model into image-to-video",
    "ip_clip_face": "image prompt for faces",
    "ipz": "image prompt through a token zipper",
    "reference": "remembers what attention sees in a reference picture",
    "clip_fusion": "mixes a picture into the text embeddings",
    "text_encoder": "another text encoder in place of the built-in one",
    "llm_adapter": "a language model in place of the built-in text encoder",
    "te_augmenter": "lets the text encoder look at a picture",
    "vision_direct": "picture tokens straight into every attention layer",
    "single_value": "numbers of your own as conditioning, such as an age",
    "redux": "variations: picture tokens behind the text tokens",
    "mean_flow": "a second timestep, for sampling in one or two steps",
    "subpixel": "works on pixels packed into channels, without a VAE",
}

IMAGE_PROMPT: Final = ("ip", "ip+", "ip_clip_face", "ipz")
"""Types that add an attention of their own to a picture's tokens."""

SEES_PICTURES: Final = (
    *IMAGE_PROMPT, "clip", "photo_maker", "clip_fusion", "ilora", "redux", "vision_direct",
    "te_augmenter", "i2v",
)  # fmt: skip
"""Types with an image encoder that reads reference pictures."""

FOLLOWS_PICTURES: Final = ("t2i", "control_net", "control_lora")
"""Types that follow control pictures."""

WITH_LORA: Final = ("control_lora", "i2v", "subpixel", "mean_flow")
"""Types that can hold a LoRA of their own."""

TYPE: Final = "adapter.type"
"""The option that decides which of the others have an effect."""
