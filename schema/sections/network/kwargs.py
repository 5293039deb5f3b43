"""`network.network_kwargs:` - which layers by name, dropouts, names in the file."""

from typing import Annotated, Final

from pydantic import Field

from schema.option import Section, opt
from schema.sections.texts import Texts

_GROUP: Final = "Custom Network Config"
_BLOCKS: Final = (
    "Twelve on the way down, one in the middle, twelve on the way up, as the original release "
    "counts them (smaller models have fewer); 0 leaves a block out. Layers in none of them and "
    "text encoders keep the general rank."
)
_CONVOLUTIONS: Final = (
    "network.conv|network.type=locon|network.network_kwargs.conv_block_dims"
    "|network.network_kwargs.modules_dim"
)
Rank = Annotated[int, Field(ge=0)]
Alpha = Annotated[float, Field(ge=0)]


class Filters(Section):
    """Which layers get a network."""

    ignore_if_contains: Texts = opt(
        [],
        "Skip layers containing",
        "Layers whose name contains one of these texts are not trained.",
        group=_GROUP,
        tier="advanced",
        on_resume="refused",
        detail="A plain search, upper and lower case count, in dotted names with their "
        "beginning, such as transformer.single_transformer_blocks.3.attn.to_q or "
        "lora_unet.down_blocks.0. Wins over all other filters.",
    )
    only_if_contains: Annotated[Texts, Field(min_length=1)] | None = opt(
        None,
        "Only layers containing",
        "Only layers whose name contains one of these texts are trained.",
        group=_GROUP,
        tier="advanced",
        on_resume="refused",
        detail="For example transformer.single_transformer_blocks.7. for one block, or attn.to_ "
        "for attention alone. If no layer is left, the run does not start.",
    )
    full_if_contains: Texts = opt(
        [],
        "Full weights for layers",
        "Layers matching one of these texts are trained with full-size weight changes.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        detail="Linear and convolution layers too; saved as diff and diff_b. The other filters "
        "still hold.",
    )
    parameter_threshold: int = opt(
        0,
        "Min. layer size",
        "Layers with fewer parameters are skipped.",
        group=_GROUP,
        tier="expert",
        unit="parameters",
        on_resume="refused",
        ge=0,
    )
    attn_only: bool = opt(
        False,
        "Attention only",
        "Train only attention layers.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        detail="Layers with a part of their name that begins with attn, or is a query, key, "
        "value or output projection (to_q, q_proj, qkv and so on).",
    )
    full_train_in_out: bool = opt(
        False,
        "Retrain input and output layers",
        "Fully trains the first and last layer, for example to move a model to another VAE.",
        group=_GROUP,
        tier="expert",
        applies_to=("in_out_layers",),
        on_resume="refused",
        detail="Both layers are copied, trained with full weights at train.lr and saved inside "
        "the network's file. They stay in place when the network is switched off.",
    )
    target_lin_modules: Texts = opt(
        ["Transformer2DModel"],
        "Container classes",
        "Class names inside which linear layers are trained (U-Nets).",
        group=_GROUP,
        tier="expert",
        applies_to=("unet",),
        on_resume="refused",
        detail="For example Attention leaves the feed-forward layers out. Nested classes count "
        "once.",
    )
    target_conv_modules: Texts = opt(
        ["ResnetBlock2D", "Downsample2D", "Upsample2D"],
        "Convolution container classes",
        "Class names added to the targets when a convolution rank is set.",
        group=_GROUP,
        tier="expert",
        applies_to=("unet",),
        on_resume="refused",
        requires=(_CONVOLUTIONS,),
    )


class Ranks(Section):
    """Ranks and alphas of single layers and blocks."""

    modules_dim: dict[str, Rank] | None = opt(
        None,
        "Explicit ranks by layer",
        "Rank for each layer by name; others are skipped.",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        detail="Dotted or inner names. For rebuilding a network as it is in a file; the general "
        "ranks do not count.",
    )
    modules_alpha: dict[str, Alpha] | None = opt(
        None,
        "Explicit alphas by layer",
        "Alpha for each layer listed in the explicit ranks; one that is missing is the rank.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        requires=("network.network_kwargs.modules_dim",),
    )
    block_dims: Annotated[list[Rank], Field(min_length=25, max_length=25)] | None = opt(
        None,
        "Ranks by block",
        "A rank for each of the 25 blocks of a U-Net.",
        group=_GROUP,
        tier="expert",
        applies_to=("unet",),
        on_resume="refused",
        detail=_BLOCKS,
    )
    block_alphas: Annotated[list[Alpha], Field(min_length=25, max_length=25)] | None = opt(
        None,
        "Alphas by block",
        "An alpha for each of the 25 blocks of a U-Net; empty takes the general one.",
        group=_GROUP,
        tier="expert",
        applies_to=("unet",),
        on_resume="new-trajectory",
        requires=("network.network_kwargs.block_dims",),
    )
    conv_block_dims: Annotated[list[Rank], Field(min_length=25, max_length=25)] | None = opt(
        None,
        "Convolution ranks by block",
        "A convolution rank for each of the 25 blocks of a U-Net.",
        group=_GROUP,
        tier="expert",
        applies_to=("unet",),
        on_resume="refused",
        detail=_BLOCKS,
    )
    conv_block_alphas: Annotated[list[Alpha], Field(min_length=25, max_length=25)] | None = opt(
        None,
        "Convolution alphas by block",
        "A convolution alpha for each of the 25 blocks of a U-Net.",
        group=_GROUP,
        tier="expert",
        applies_to=("unet",),
        on_resume="new-trajectory",
        requires=("network.network_kwargs.conv_block_dims",),
    )


class NetworkKwargs(Ranks, Filters):
    """Everything under `network.network_kwargs:`."""

    rank_dropout: float | None = opt(
        None,
        "Rank dropout",
        "Randomly switches off whole rank channels while training.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="For each sample and rank channel, the same over all positions; the others are "
        "divided by 1 - p.",
        ge=0,
        lt=1,
    )
    module_dropout: float | None = opt(
        None,
        "Module dropout",
        "Randomly skips whole layers of the network while training.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        only_with=("network.type", ("lora", "dora", "locon", "lokr")),
        detail="For each layer and pass; the others are not scaled up.",
        ge=0,
        lt=1,
    )
    use_cp: bool = opt(
        False,
        "CP decomposition",
        "Factorise convolution kernels further (LoCon).",
        group=_GROUP,
        tier="expert",
        on_resume="refused",
        only_with=("network.type", ("locon",)),
        conflicts=("network.network_kwargs.peft_format",),
        detail="For kernels larger than 1x1: 1x1 from in to r, then the kernel from r to r "
        "(lora_mid in the file), then 1x1 from r to out. Only kohya names know such files.",
    )
    peft_format: bool | None = opt(
        None,
        "Force peft key layout",
        "On: dotted lora_A/lora_B keys (diffusers, peft). Off: kohya names. Empty: what is usual.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Kohya names (lora_unet_..., with alpha) are read by most tools and by diffusers; "
        "they are usual for U-Nets, dotted names for transformers. The dotted layout has no "
        "alpha, so alpha is forced to the rank and the scale is 1; families that usually have it "
        "keep that scale under kohya names too. FLUX.1 in kohya names has the fused layers of the "
        "original release, as ComfyUI and kohya's scripts know them.",
        default_note="ai-toolkit has false: it cannot write transformers in kohya names.",
    )
    verbose: bool = opt(
        False,
        "List skipped layers",
        "Write the names of the layers that were skipped to the log.",
        group=_GROUP,
        tier="expert",
        aliases=("varbose",),
    )
