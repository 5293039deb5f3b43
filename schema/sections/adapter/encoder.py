"""`adapter:` - the vision model that reads reference pictures."""

from typing import Literal

from schema.option import Section, opt
from schema.sections.adapter.names import IMAGE_PROMPT, SEES_PICTURES
from schema.sections.adapter.names import TYPE as _TYPE

_GROUP = "IP-Adapter & Vision Features"
_ENCODER = "Image encoder"
_SPECIAL = "Specialized Adapters"
_WITH_TOKENS = (
    *IMAGE_PROMPT, "clip", "text_encoder", "te_augmenter", "single_value", "vision_direct",
)  # fmt: skip

EncoderLayer = Literal["penultimate_hidden_states", "last_hidden_state", "image_embeds"]


class Encoder(Section):
    """The image encoder of types that see pictures."""

    image_encoder_path: str | None = opt(
        None,
        "Image encoder",
        "Hugging Face repository or folder of the vision model that reads the reference image, "
        "such as a CLIP or SigLIP model.",
        group=_GROUP,
        on_resume="refused",
        editor="model",
        only_with=(_TYPE, SEES_PICTURES),
        detail="Frozen and in the training precision unless train_image_encoder. Usual choices: "
        "CLIP ViT-H/14 for ip on SD 1.5 and ip+ on SDXL, ViT-bigG/14 for ip on SDXL, SigLIP "
        "so400m for redux, CLIP ViT-H for i2v.",
        min_length=1,
    )
    image_encoder_arch: Literal[
        "clip", "clip+", "siglip", "siglip2", "pixtral", "safe", "convnext", "convnextv2"
    ] = opt(
        "clip",
        "Image encoder family",
        "Family of the image encoder. Must fit the model in the image encoder field.",
        group=_ENCODER,
        tier="advanced",
        on_resume="refused",
        only_with=(_TYPE, SEES_PICTURES),
        choices={
            "clip": "CLIP vision model with its projection",
            "clip+": "CLIP behind a small trained shrinker for 4x larger pictures",
            "siglip": "SigLIP vision model",
            "siglip2": "SigLIP 2 vision model of a fixed size",
            "pixtral": "Pixtral, pictures of any shape",
            "safe": "a small convolutional encoder trained from scratch",
            "convnext": "ConvNeXt feature map as 16x16 tokens",
            "convnextv2": "ConvNeXt V2 feature map as 16x16 tokens",
        },
        detail="Only CLIP has the projected vector that ip and ip_clip_face need. clip and "
        "photo_maker always use CLIP. safe has no pretrained weights, so it must be trained "
        "along.",
    )
    clip_layer: EncoderLayer | None = opt(
        None,
        "Encoder layer",
        "Which output of the encoder feeds the adapter. Empty takes what the adapter type needs.",
        group=_GROUP,
        tier="advanced",
        on_resume="refused",
        only_with=(_TYPE, SEES_PICTURES),
        choices={
            "penultimate_hidden_states": "tokens of the layer before the last",
            "last_hidden_state": "tokens of the last layer",
            "image_embeds": "one pooled vector",
        },
        default_note="Empty is read by type (image_embeds for ip, ip_clip_face and clip), where a "
        "fixed default fails.",
        detail="Empty means image_embeds for ip, ip_clip_face, clip and photo_maker, "
        "penultimate_hidden_states for ip+, and last_hidden_state for all others. Image-to-video "
        "models of the Wan family use the penultimate layer.",
    )
    num_tokens: int | None = opt(
        None,
        "Image tokens",
        "How many tokens the image becomes. Usually 4 for ip, 16 for ip+. More carry more detail.",
        group=_GROUP,
        tier="advanced",
        unit="tokens",
        on_resume="refused",
        only_with=(_TYPE, _WITH_TOKENS),
        default_note="Empty takes 4 for ip and ip_clip_face and 16 for ip+ and ipz; the face and "
        "zipper types have no default elsewhere.",
        detail="ip, ip_clip_face: tokens of the projection. ip+, ipz: output tokens of the "
        "resampler; 0 keeps as many as the encoder has. clip: vectors that the trigger word "
        "expands to. text_encoder: longest prompt in tokens. te_augmenter: image tokens after the "
        "projection. single_value: how many numbers a sample has. vision_direct: pools to that "
        "many tokens; empty keeps all.",
        ge=0,
    )
    train_image_encoder: bool = opt(
        False,
        "Train image encoder",
        "Also fine-tune the vision model. Needs a lot of memory and data; usually off.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        conflicts=("adapter.train_scaler",),
        only_with=(_TYPE, SEES_PICTURES),
        detail="All encoder weights join the adapter's optimizer group and are saved beside it. "
        "With quad_image an extra loss pulls the four tiles of a picture together. Embeddings of "
        "a cached encoder cannot be trained.",
    )
    train_only_image_encoder: bool = opt(
        False,
        "Train only image encoder",
        "Freeze the adapter and fine-tune nothing but its vision model.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        requires=("adapter.name_or_path",),
        conflicts=("adapter.train_scaler", "adapter.merge_scaler"),
        only_with=(_TYPE, SEES_PICTURES),
        detail="Implies train_image_encoder. The projection and attention layers come from "
        "name_or_path and stay frozen. The saved file holds the plain encoder, to be used as an "
        "image encoder again.",
    )
    train_only_image_encoder_positional_embedding: bool = opt(
        False,
        "Train only positions",
        "Fine-tune just the position table of the vision model, e.g. after changing its input "
        "resolution.",
        group=_ENCODER,
        tier="expert",
        on_resume="refused",
        requires=("adapter.train_only_image_encoder",),
        only_with=(_TYPE, IMAGE_PROMPT),
        detail="The trained set shrinks to the position table of the CLIP model. pixtral, "
        "convnext and safe have none.",
    )
    quad_image: bool = opt(
        False,
        "Four-in-one image",
        "Reference images are 2x2 collages; the adapter encodes the four tiles and averages them.",
        group=_SPECIAL,
        tier="expert",
        on_resume="new-trajectory",
        only_with=(_TYPE, SEES_PICTURES),
        detail="The picture is prepared at twice the encoder's size and cut into 2x2 tiles. A "
        "step uses 1 to 4 of them (previews all four) and averages their embeddings: e = (1/q) "
        "sum_k e_k. With train_image_encoder 0.01 x the mean squared difference of the tiles is "
        "added to the loss. For ip types, clip_fusion, redux and ilora.",
    )
    safe_reducer_channels: int = opt(
        512,
        "SAFE reducer width",
        "Channel width of the repeated reduction block in the size-agnostic encoder.",
        group=_ENCODER,
        tier="expert",
        unit="channels",
        on_resume="refused",
        only_with=("adapter.image_encoder_arch", ("safe",)),
        detail="Width of the stage that is repeated until the picture is small. Memory grows with "
        "its square.",
        gt=0,
    )
    safe_channels: int = opt(
        2048,
        "SAFE feature width",
        "Channel width of the last stages of the size-agnostic encoder.",
        group=_ENCODER,
        tier="expert",
        unit="channels",
        on_resume="refused",
        only_with=("adapter.image_encoder_arch", ("safe",)),
        detail="Width after the reduction, and input of the final linear layer.",
        gt=0,
    )
    safe_tokens: int = opt(
        8,
        "SAFE tokens",
        "Number of tokens the size-agnostic encoder emits.",
        group=_ENCODER,
        tier="expert",
        unit="tokens",
        on_resume="refused",
        only_with=("adapter.image_encoder_arch", ("safe",)),
        detail="The final layer gives that many vectors of the model's text width.",
        ge=1,
    )
    pixtral_max_image_size: int = opt(
        512,
        "Pixtral image size",
        "Largest image size (as side of an equal-area square) shown to a Pixtral encoder.",
        group=_SPECIAL,
        tier="expert",
        unit="pixels",
        on_resume="new-trajectory",
        only_with=("adapter.image_encoder_arch", ("pixtral",)),
        detail="A picture is shrunk when the root of its area is above this; the shape is kept "
        "and the sides are rounded up to whole 16-pixel patches. Must be a multiple of 16.",
        ge=16,
        le=1024,
    )
    pixtral_random_image_size: bool = opt(
        False,
        "Random Pixtral size",
        "Show the encoder a random resolution each step so the adapter copes with small and large "
        "references.",
        group=_ENCODER,
        tier="expert",
        on_resume="new-trajectory",
        requires=("adapter.pixtral_max_image_size",),
        only_with=("adapter.image_encoder_arch", ("pixtral",)),
        detail="While training, each step draws a size from 256 to pixtral_max_image_size and "
        "shrinks the picture to it. Previews always use the full size.",
    )
