"""The processes that draw pictures into a folder, from prompts or from a dataset."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from schema.option import REQUIRED, Section, meta_of, opt
from schema.sections.datasets import Dataset
from schema.sections.model import Model
from schema.sections.processes.base import Named, OnDevice
from schema.sections.processes.precision import FILE_SYNONYMS, FILE_WORDS, FileDtype
from schema.sections.sample import Sample, Sampler

_GROUP = "Batch generation"
_PROMPTS = ("to_folder",)
_DATASET = ("reference_generator", "batch_img2img")
_SAMPLER = meta_of(Sample.model_fields["sampler"])

Side = Annotated[int, Field(ge=64, le=8192)]
Size = Annotated[list[Side], Field(min_length=2, max_length=2)]


class Generate(Section):
    """Everything under `generate:`."""

    prompts: str | list[str] | None = opt(
        None,
        "Prompts",
        "Prompts, or the path of a text file with one prompt per line.",
        group=_GROUP,
        editor="prompt",
        process_types=_PROMPTS,
        detail="Flags such as --w 768 --seed 42 may follow a prompt, as in the sample section.",
    )
    prompt_2: str | None = opt(
        None,
        "Second prompt",
        "Prompt for the second text encoder. Empty takes the prompt itself.",
        group=_GROUP,
        tier="expert",
        editor="prompt",
        process_types=_PROMPTS,
        applies_to=("second_text_encoder",),
    )
    neg: str = opt(
        "",
        "Negative prompt",
        "What should not be in the pictures.",
        group=_GROUP,
        editor="prompt",
    )
    neg_2: str | None = opt(
        None,
        "Second negative",
        "Negative prompt for the second text encoder. Empty takes the negative prompt.",
        group=_GROUP,
        tier="expert",
        editor="prompt",
        inherits="generate.neg",
        process_types=_PROMPTS,
        applies_to=("second_text_encoder",),
    )
    sampler: Sampler = opt(
        "ddpm",
        "Sampler",
        "Sampling method, same names as in the sample section.",
        group=_GROUP,
        tier="advanced",
        choices=_SAMPLER.choices,
        synonyms=_SAMPLER.synonyms,
    )
    sample_steps: int = opt(
        20,
        "Steps",
        "Denoising steps per picture.",
        group=_GROUP,
        unit="steps",
        ge=1,
    )
    guidance_scale: float = opt(
        7.0,
        "Guidance",
        "How strongly the prompt is followed.",
        group=_GROUP,
        ge=0,
    )
    guidance_rescale: float = opt(
        0.0,
        "Guidance rescale",
        "Reduces over-saturation at high guidance.",
        group=_GROUP,
        tier="expert",
        process_types=_PROMPTS,
        ge=0,
        le=1,
    )
    seed: int = opt(
        -1,
        "Seed",
        "Start value for the randomness, -1 for random.",
        group=_GROUP,
        ge=-1,
        le=4294967295,
    )
    walk_seed: bool = opt(
        False,
        "Walk seed",
        "Use seed+1, seed+2 ... for the following pictures.",
        group=_GROUP,
        tier="advanced",
        process_types=_DATASET,
    )
    width: int = opt(
        512,
        "Width",
        "Picture width, rounded down to what the model can draw.",
        group=_GROUP,
        unit="pixels",
        process_types=_PROMPTS,
        ge=64,
        le=8192,
    )
    height: int = opt(
        512,
        "Height",
        "Picture height, rounded down to what the model can draw.",
        group=_GROUP,
        unit="pixels",
        process_types=_PROMPTS,
        ge=64,
        le=8192,
    )
    size_list: list[Size] | None = opt(
        None,
        "Random sizes",
        "List of [width, height]; one is drawn for each picture, in place of width and height.",
        group=_GROUP,
        tier="advanced",
        process_types=_PROMPTS,
    )
    ext: str = opt(
        "png",
        "File type",
        "png, jpg or webp, with or without a dot.",
        group=_GROUP,
        tier="advanced",
        process_types=("to_folder", "batch_img2img"),
        form="png, jpg or webp",
        pattern=r"^\.?([pP][nN][gG]|[jJ][pP][eE]?[gG]|[wW][eE][bB][pP])$",
    )
    prompt_file: bool = opt(
        False,
        "Write prompt files",
        "Write a text file with the prompt and its settings next to each picture.",
        group=_GROUP,
        tier="advanced",
        process_types=_PROMPTS,
    )
    num_repeats: int = opt(
        1,
        "Repeats",
        "How often the whole prompt list is generated.",
        group=_GROUP,
        tier="advanced",
        unit="times",
        process_types=_PROMPTS,
        ge=1,
    )
    random_prompts: bool = opt(
        False,
        "Combine prompts randomly",
        "Build prompts by joining random lines of the list.",
        group=_GROUP,
        tier="advanced",
        process_types=_PROMPTS,
        detail="max_images prompts, each of 1 to max_random_per_prompt lines joined by commas.",
    )
    max_random_per_prompt: int = opt(
        1,
        "Parts per prompt",
        "Largest number of joined lines.",
        group=_GROUP,
        tier="expert",
        process_types=_PROMPTS,
        requires=("generate.random_prompts",),
        ge=1,
    )
    max_images: int = opt(
        10000,
        "Number of prompts",
        "How many random prompts are built.",
        group=_GROUP,
        tier="expert",
        unit="prompts",
        process_types=_PROMPTS,
        requires=("generate.random_prompts",),
        ge=1,
    )
    shuffle: bool = opt(
        False,
        "Shuffle prompts",
        "Generate the prompts in random order.",
        group=_GROUP,
        tier="advanced",
        process_types=_PROMPTS,
    )
    compile: bool = opt(
        False,
        "Compile model",
        "Compile the denoiser for speed.",
        group=_GROUP,
        tier="expert",
        process_types=("to_folder", "reference_generator"),
    )
    t2i_adapter_path: str | None = opt(
        None,
        "T2I-Adapter",
        "Depth adapter that carries the composition of each input picture over.",
        group=_GROUP,
        editor="model",
        process_types=("reference_generator",),
        detail="A depth map is worked out for every picture of the dataset and followed, with its "
        "caption as prompt.",
        min_length=1,
    )
    adapter_conditioning_scale: float = opt(
        1.0,
        "Adapter strength",
        "Strength of the depth guidance.",
        group=_GROUP,
        tier="advanced",
        process_types=("reference_generator",),
        requires=("generate.t2i_adapter_path",),
        ge=0,
    )
    denoise_strength: float = opt(
        0.5,
        "Change strength",
        "How much each input picture is changed: 0 not at all, 1 completely new.",
        group=_GROUP,
        process_types=("batch_img2img",),
        detail="The picture is encoded, noised to that share of the steps and denoised from there.",
        ge=0,
        le=1,
    )
    trigger_word: str | None = opt(
        None,
        "Trigger word",
        "Replaces [trigger] in the captions.",
        group=_GROUP,
        tier="advanced",
        process_types=("batch_img2img",),
    )


class _Drawing(Named, OnDevice):
    """What every drawing process has."""

    output_folder: str = opt(
        REQUIRED,
        "Output folder",
        "Where generated pictures are written.",
        group=_GROUP,
        editor="folder",
        detail="to_folder names files by time and number; the others keep the name of the input "
        "picture and write its caption beside it.",
        min_length=1,
    )
    dtype: FileDtype = opt(
        "float16",
        "Precision",
        "Number format while generating.",
        group=_GROUP,
        tier="advanced",
        choices=FILE_WORDS,
        synonyms=FILE_SYNONYMS,
    )
    model: Model = opt(
        REQUIRED,
        "Model",
        "The model that draws.",
        group="Sections",
        container=True,
    )


class FolderProcess(_Drawing):
    """`type: to_folder`: draws a list of prompts."""

    kind: ClassVar[str] = "to_folder"
    kinds: ClassVar[tuple[str, ...]] = ("to_folder",)

    generate: Generate = opt(
        REQUIRED,
        "Pictures",
        "What is drawn, and how.",
        group="Sections",
        container=True,
    )


class ReferenceProcess(_Drawing):
    """`type: reference_generator`: redraws a dataset with the depth of its pictures."""

    kind: ClassVar[str] = "reference_generator"
    kinds: ClassVar[tuple[str, ...]] = ("reference_generator",)

    generate: Generate = opt(
        Generate(),
        "Pictures",
        "How the pictures are drawn.",
        group="Sections",
        container=True,
    )
    datasets: list[Dataset] = opt(
        [],
        "Datasets",
        "Folders of captioned images.",
        group="Sections",
        container=True,
    )


class ImageToImageProcess(_Drawing):
    """`type: batch_img2img`: changes every picture of a dataset by its caption."""

    kind: ClassVar[str] = "batch_img2img"
    kinds: ClassVar[tuple[str, ...]] = ("batch_img2img",)

    copy_inputs_to: str | None = opt(
        None,
        "Copy inputs to",
        "Also save the prepared input pictures and captions to this folder.",
        group=_GROUP,
        tier="advanced",
        editor="folder",
        detail="The cropped input and its caption under the same name, which makes matched pairs.",
        min_length=1,
    )
    generate: Generate = opt(
        Generate(),
        "Pictures",
        "How the pictures are drawn.",
        group="Sections",
        container=True,
    )
    datasets: list[Dataset] = opt(
        [],
        "Datasets",
        "Folders of captioned images.",
        group="Sections",
        container=True,
    )


class PureLoraProcess(_Drawing):
    """`type: pure_lora_generator`: draws with a model turned into low-rank layers."""

    kind: ClassVar[str] = "pure_lora_generator"
    kinds: ClassVar[tuple[str, ...]] = ("pure_lora_generator",)

    lorm: dict[str, Any] | None = opt(
        None,
        "LoRM settings",
        "Turn the model into a low-rank model before generating.",
        group=_GROUP,
        tier="expert",
        detail="The keys are those of network.lorm. Without it the model draws as it is.",
    )
    sample: Sample = opt(
        Sample(),
        "Previews",
        "The pictures that are drawn.",
        group="Sections",
        container=True,
    )
