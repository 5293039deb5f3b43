"""`slider:` - what a slider is trained from: two prompts, many prompt pairs, or pairs of pictures.

Each slider process has its own class here, composed from the parts it reads.
"""

from typing import Annotated, Literal

from pydantic import Field

from schema.option import Section, opt
from schema.sections.processes.names import spellings_of

_CONCEPT = "Concept slider"
_PROMPTS = "Prompt slider"
_PAIRS = "Image pair slider"

Side = Annotated[int, Field(ge=64, le=8192)]
Size = Annotated[list[Side], Field(min_length=2, max_length=2)]


class ConceptSlider(Section):
    """Everything under `slider:` of a concept_slider."""

    target_class: str = opt(
        "",
        "What the slider acts on",
        'Neutral words for the thing the slider changes, such as "person". Empty: everything.',
        group=_CONCEPT,
        on_resume="new-trajectory",
        editor="prompt",
        detail="The prompt of the trained predictions. With x the noisy latents of a batch and f0 "
        "the model without the network, T = f0(x, target_class).",
    )
    positive_prompt: str = opt(
        "",
        "Positive prompt",
        'What the picture should become when the slider is pushed up, such as "person who is '
        'happy".',
        group=_CONCEPT,
        on_resume="new-trajectory",
        editor="prompt",
        detail="P = f0(x, positive_prompt). At +1 the slider is trained towards T + g (P - N), at "
        "-1 towards T - g (P - N), with g the slider strength.",
    )
    negative_prompt: str = opt(
        "",
        "Negative prompt",
        'The opposite end of the slider, such as "person who is sad".',
        group=_CONCEPT,
        on_resume="new-trajectory",
        editor="prompt",
        detail="N = f0(x, negative_prompt). Empty means: away from nothing in particular.",
    )
    guidance_strength: float = opt(
        3.0,
        "Slider strength",
        "How far each training target is pushed along the difference between the two prompts.",
        group=_CONCEPT,
        tier="advanced",
        on_resume="new-trajectory",
        detail="The targets are norm(T + g d) and norm(T - g d) with d = P - N, where norm brings "
        "mean and standard deviation back to those of T. Each step trains both directions, with "
        "the network at +1 and at -1. Captions, masks and the loss options of train have no part "
        "in it; pictures only give latents and noise levels.",
        gt=0,
    )
    anchor_class: str | None = opt(
        None,
        "Anchor phrase",
        'Words that the slider must leave alone, such as "background". Without the key there is '
        "no anchor.",
        group=_CONCEPT,
        tier="advanced",
        on_resume="new-trajectory",
        editor="prompt",
        detail="At both ends the prediction for this prompt with the network on must equal the "
        "one without. An empty text anchors on the blank prompt; null means no anchor.",
    )
    anchor_strength: float = opt(
        1.0,
        "Anchor strength",
        "Weight of the anchor term.",
        group=_CONCEPT,
        tier="advanced",
        on_resume="new-trajectory",
        detail="The factor a in (2 MSE(target) + a MSE(anchor)) / 3.",
        ge=0,
    )


class PromptTarget(Section):
    """One entry of `slider.targets`."""

    target_class: str = opt(
        "",
        "Target class",
        "Neutral words for what the slider acts on; empty for everything.",
        group=_PROMPTS,
        on_resume="new-trajectory",
        editor="prompt",
        detail="The prompt of the trained prediction, and of the denoising that makes the latents.",
    )
    positive: str = opt(
        "",
        "Positive phrase",
        "Description of the upper end of the slider. Commas separate parts that may be shuffled.",
        group=_PROMPTS,
        on_resume="new-trajectory",
        editor="prompt",
    )
    negative: str = opt(
        "",
        "Negative phrase",
        "Description of the lower end of the slider. Commas separate parts that may be shuffled.",
        group=_PROMPTS,
        on_resume="new-trajectory",
        editor="prompt",
    )
    multiplier: float = opt(
        1.0,
        "Training multiplier",
        "LoRA strength at which this target is trained. A trained multiplier of 2 makes the "
        "slider weaker per unit.",
        group=_PROMPTS,
        tier="advanced",
        on_resume="new-trajectory",
        detail="The network's strength m in training; a negative one swaps the ends. 0 would "
        "train nothing.",
    )
    weight: float = opt(
        1.0,
        "Loss weight",
        "Importance of this target relative to the others.",
        group=_PROMPTS,
        tier="advanced",
        on_resume="new-trajectory",
        detail="Multiplies the loss of this target.",
        ge=0,
    )
    shuffle: bool = opt(
        False,
        "Shuffle phrase parts",
        "Also train on re-ordered versions of the comma separated phrases.",
        group=_PROMPTS,
        tier="advanced",
        on_resume="new-trajectory",
        detail="Both phrases are split at commas; up to 8 orders of each are combined and at most "
        "8 combinations kept, each a target of its own.",
    )


class Anchor(Section):
    """One entry of `slider.anchors`."""

    prompt: str = opt(
        "",
        "Anchor prompt",
        "Prompt to hold on to.",
        group=_PROMPTS,
        tier="advanced",
        on_resume="new-trajectory",
        editor="prompt",
    )
    neg_prompt: str = opt(
        "",
        "Anchor negative",
        "Negative prompt used with the anchor.",
        group=_PROMPTS,
        tier="expert",
        on_resume="new-trajectory",
        editor="prompt",
    )
    multiplier: float = opt(
        1.0,
        "Anchor multiplier",
        "LoRA strength at which the anchor is checked. Small values suit close concepts.",
        group=_PROMPTS,
        tier="expert",
        on_resume="new-trajectory",
        detail="The sign follows the end of the slider that the step trains.",
        ge=0,
    )


class PairFolder(Section):
    """One entry of `slider.datasets`: pairs of pictures."""

    pair_folder: str | None = opt(
        None,
        "Side-by-side folder",
        "Folder of pictures that contain both versions: left half negative, right half positive.",
        group=_PAIRS,
        on_resume="new-trajectory",
        editor="folder",
        conflicts=("slider.datasets[].pos_folder",),
        detail="Each picture is brought to the height of size and cut in the middle. The caption "
        "is the text file of its name, else target_class.",
        min_length=1,
    )
    pos_folder: str | None = opt(
        None,
        "Positive folder",
        "Folder with the pictures for the upper end.",
        group=_PAIRS,
        on_resume="new-trajectory",
        editor="folder",
        requires=("slider.datasets[].neg_folder",),
        detail="Pictures of both folders belong together by name. The size is worked out from the "
        "upper picture: an area of at most size squared, sides in multiples of 8; both are scaled "
        "and cropped to it.",
        min_length=1,
    )
    neg_folder: str | None = opt(
        None,
        "Negative folder",
        "Folder with the pictures for the lower end.",
        group=_PAIRS,
        on_resume="new-trajectory",
        editor="folder",
        requires=("slider.datasets[].pos_folder",),
        min_length=1,
    )
    network_weight: float = opt(
        1.0,
        "Pair strength",
        "LoRA strength at which the pair is learned. Larger means subtler slider steps.",
        group=_PAIRS,
        tier="advanced",
        on_resume="new-trajectory",
        detail="What pos_weight and neg_weight are while they are empty.",
    )
    pos_weight: float | None = opt(
        None,
        "Positive strength",
        "LoRA strength for the positive picture. Empty: same as pair strength.",
        group=_PAIRS,
        tier="expert",
        on_resume="new-trajectory",
        inherits="slider.datasets[].network_weight",
        detail="Its size counts, not its sign: the upper picture is trained at +pos_weight.",
    )
    neg_weight: float | None = opt(
        None,
        "Negative strength",
        "LoRA strength for the negative picture. Empty: same as pair strength.",
        group=_PAIRS,
        tier="expert",
        on_resume="new-trajectory",
        inherits="slider.datasets[].network_weight",
        detail="Its size counts, not its sign: the lower picture is trained at -neg_weight.",
    )
    target_class: str = opt(
        "",
        "Default caption",
        "Caption for pairs without a text file.",
        group=_PAIRS,
        on_resume="new-trajectory",
        editor="prompt",
    )
    size: int = opt(
        512,
        "Size",
        "Working size: image height for side-by-side files, area side for two folders.",
        group=_PAIRS,
        unit="pixels",
        on_resume="new-trajectory",
        ge=64,
    )


class _Prompts(Section):
    """The options of sliders that learn from prompt pairs."""

    targets: list[PromptTarget] = opt(
        [],
        "Slider targets",
        "Opposite prompt pairs that the slider learns.",
        group=_PROMPTS,
        on_resume="new-trajectory",
        detail="With y the model without the network, E = y(empty prompt) and m the multiplier, "
        "the network at +m is trained towards E + (y(positive) - y(negative)), at -m towards E - "
        "(y(positive) - y(negative)), always with the target class as prompt. Without a dataset "
        "the latents are noise, denoised by the model for a random number of steps.",
    )
    anchors: list[Anchor] = opt(
        [],
        "Anchors",
        "Prompts whose pictures the slider should not change.",
        group=_PROMPTS,
        tier="advanced",
        on_resume="new-trajectory",
        detail="Each step picks one and adds the mean squared difference of the prediction with "
        "and without the network.",
    )
    resolutions: Annotated[list[Size], Field(min_length=1)] = opt(
        [[512, 512]],
        "Resolutions",
        "Picture sizes to train at without a dataset, as [width, height]. One is drawn at each "
        "step.",
        group=_PROMPTS,
        tier="advanced",
        unit="pixels",
        on_resume="new-trajectory",
        process_types=spellings_of("slider"),
        detail="Only while there is no dataset, whose pictures have sizes of their own.",
    )
    prompt_file: str | None = opt(
        None,
        "Neutral prompt file",
        "Text file with one context prompt per line; the slider is trained in all these contexts.",
        group=_PROMPTS,
        tier="advanced",
        on_resume="new-trajectory",
        editor="path",
        detail="Each line is put behind class, positive and negative words in turn, so that the "
        "slider works in all these contexts.",
        min_length=1,
    )
    prompt_tensors: str | None = opt(
        None,
        "Prompt embedding file",
        "File in which the encoded prompts are kept so the next run starts faster.",
        group=_PROMPTS,
        tier="expert",
        editor="path",
        detail="A safetensors file. Prompts that it lacks are encoded and added.",
        min_length=1,
    )
    batch_full_slide: bool = opt(
        True,
        "All tasks in one batch",
        "Run all tasks of a target in a single forward pass.",
        group=_PROMPTS,
        tier="expert",
        on_resume="new-trajectory",
        detail="On: both ends of a target are one batch. Off: one end is drawn at each step.",
    )
    use_adapter: Literal["depth"] | None = opt(
        None,
        "Structure helper",
        "A ready-made depth adapter, so that the slider changes style or a property but not the "
        "composition.",
        group=_PROMPTS,
        tier="expert",
        on_resume="new-trajectory",
        process_types=spellings_of("slider"),
        applies_to=("unet",),
        requires=("slider.adapter_img_dir",),
        choices={"depth": "a ready-made depth T2I-Adapter"},
        detail="Its feature maps, times a random 0.9 to 1.0, are added to all predictions of the "
        "step. Needs datasets.",
    )
    adapter_img_dir: str | None = opt(
        None,
        "Structure images",
        "Folder with depth maps that have the same file names as the training pictures.",
        group=_PROMPTS,
        tier="expert",
        on_resume="new-trajectory",
        editor="folder",
        process_types=spellings_of("slider"),
        requires=("slider.use_adapter",),
        detail="Matched by name, scaled to cover the crop and cut at the centre. Every picture "
        "needs one.",
        min_length=1,
    )
    low_ram: bool = opt(
        False,
        "Split the batch",
        "Process the tasks one after the other to save memory.",
        group=_PROMPTS,
        tier="expert",
        process_types=spellings_of("slider"),
        requires=("slider.batch_full_slide",),
        detail="The tasks of a batch are worked on one by one; their gradients add up to the same.",
    )


class _Pairs(Section):
    """The options of sliders that learn from pairs of pictures."""

    datasets: list[PairFolder] = opt(
        [],
        "Image pair folders",
        "Folders with pairs of pictures: one for the low and one for the high end of the slider.",
        group=_PAIRS,
        on_resume="new-trajectory",
        detail="Both pictures get the same noise and timestep; one forward pass runs them with "
        "the network at +pos_weight and -neg_weight, and the loss is the usual one.",
    )
    weight_jitter: float = opt(
        0.0,
        "Strength jitter",
        "Vary the LoRA strength randomly each step so the slider works at many strengths.",
        group=_PAIRS,
        tier="expert",
        on_resume="new-trajectory",
        detail="Uniform in [-J, J], added to the strength of both ends.",
        ge=0,
    )
    additional_losses: list[Literal["mae", "fft"]] = opt(
        [],
        "Additional losses",
        "Further losses of the picture pairs.",
        group=_PAIRS,
        tier="expert",
        on_resume="new-trajectory",
        choices={
            "mae": "mean absolute difference",
            "fft": "difference of the amplitudes of a Fourier transform",
        },
        detail="Added to the loss of the pairs with weight 1.",
    )


class PromptSlider(_Prompts):
    """Everything under `slider:` of the process types slider and slider_old."""


class PairSlider(_Pairs):
    """Everything under `slider:` of an image_reference_slider_trainer."""


class UltimateSlider(_Prompts, _Pairs):
    """Everything under `slider:` of an ultimate_slider_trainer: prompts and picture pairs."""

    img_loss_weight: float = opt(
        1.0,
        "Image loss weight",
        "Weight of the part that learns from image pairs.",
        group=_PAIRS,
        tier="advanced",
        on_resume="new-trajectory",
        detail="Multiplies the loss of the picture pairs.",
        ge=0,
    )
    cfg_loss_weight: float = opt(
        1.0,
        "Prompt loss weight",
        "Weight of the part that learns from prompt pairs.",
        group=_PAIRS,
        tier="advanced",
        on_resume="new-trajectory",
        requires=("slider.targets", "slider.datasets"),
        detail="Multiplies the loss of the prompt targets, which is taken on the noisy latents of "
        "the pairs.",
        ge=0,
    )
