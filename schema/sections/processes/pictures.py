"""What the trainers of autoencoders and upscalers share: pictures, steps, losses and the critic."""

from typing import Annotated, Any

from pydantic import Field

from schema.option import REQUIRED, Section, opt
from schema.sections.processes.base import InFolder, Named, OnDevice, Watched
from schema.sections.processes.names import spellings_of
from schema.sections.processes.precision import FILE_SYNONYMS, FILE_WORDS, FileDtype

_GROUP = "VAE and upscaler training"
_ESRGAN = spellings_of("esrgan")


class Degradation(Section):
    """One step of `augmentations`: an operation of the albumentations library."""

    method: str = opt(
        REQUIRED,
        "Operation",
        "Name of the operation, such as GaussianBlur or ImageCompression.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        form="a name",
        pattern=r"^[A-Za-z][A-Za-z0-9_]*$",
    )
    params: dict[str, Any] = opt(
        {},
        "Settings",
        "Arguments of the operation. A text like cv2.INTER_AREA means that constant.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )


class PictureFolder(Section):
    """One entry of `datasets` of these trainers."""

    path: str = opt(
        REQUIRED,
        "Folder",
        "Folder with pictures; its subfolders are not searched.",
        group=_GROUP,
        on_resume="new-trajectory",
        editor="folder",
        min_length=1,
    )
    scale: float = opt(
        1.0,
        "Scale",
        "Shrink the pictures by this factor first.",
        group=_GROUP,
        tier="advanced",
        unit="times",
        on_resume="new-trajectory",
        gt=0,
    )
    random_scale: bool = opt(
        False,
        "Random scale",
        "Shrink to a random size before cropping.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        detail="The shorter side is drawn between the resolution and its own length; a random "
        "crop follows.",
    )
    random_crop: bool = opt(
        False,
        "Random crop",
        "Crop a random square instead of the centre.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        detail="A square of the resolution. Off: the centre square, resized.",
    )
    include_prompt: bool = opt(
        False,
        "With captions",
        "Also read captions, which these trainers have no use for.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        status="legacy",
    )
    default_prompt: str = opt(
        "",
        "Default caption",
        "Caption of files without one; these trainers have no use for captions.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        status="legacy",
    )
    caption_ext: str = opt(
        "txt",
        "Caption ending",
        "Ending of caption files; these trainers have no use for captions.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        status="legacy",
    )
    augmentations: list[Degradation] | None = opt(
        None,
        "Degradations",
        "Degradations of the small input picture, such as blur, noise or compression.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        inherits="augmentations",
        process_types=_ESRGAN,
        detail="A resize to resolution / zoom comes first by itself. Empty takes the list of the "
        "process.",
    )


class Critic(Section):
    """Everything under `critic:`."""

    learning_rate: float = opt(
        1e-05,
        "Critic learning rate",
        "Step size of the critic.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        log=True,
        gt=0,
    )
    optimizer: str = opt(
        "adam",
        "Critic optimizer",
        "Optimizer of the critic, by the names of train.optimizer.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    optimizer_params: dict[str, Any] = opt(
        {},
        "Critic optimizer settings",
        "Extra settings of the critic's optimizer.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    num_critic_per_gen: int = opt(
        1,
        "Critic steps per step",
        "Critic updates per model update.",
        group=_GROUP,
        tier="expert",
        unit="steps",
        on_resume="new-trajectory",
        process_types=_ESRGAN,
        detail="A step trains the critic alone with the probability 1 - 1 / (n + 1).",
        ge=1,
    )
    lambda_gp: float = opt(
        10.0,
        "Gradient penalty",
        "Strength of the critic gradient penalty.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Loss of the critic: mean relu(1 - D(real)) + mean relu(1 + D(fake)) + lambda "
        "(|grad D(mix)| - 1)^2.",
        ge=0,
    )
    start_step: int = opt(
        0,
        "Critic start",
        "Step at which the adversarial term starts.",
        group=_GROUP,
        tier="expert",
        unit="steps",
        on_resume="new-trajectory",
        ge=0,
    )
    warmup_steps: int = opt(
        1000,
        "Critic warm-up",
        "Steps over which the adversarial term grows to full strength.",
        group=_GROUP,
        tier="expert",
        unit="steps",
        on_resume="new-trajectory",
        detail="The factor is (step - start) / warm-up, at most 1.",
        ge=1,
    )


class PictureTrainer(Named, Watched, OnDevice, InFolder):
    """What a vae and an esrgan process have in common."""

    datasets: Annotated[list[PictureFolder], Field(min_length=1)] = opt(
        REQUIRED,
        "Picture folders",
        "Folders with pictures to train on.",
        group="Sections",
        on_resume="new-trajectory",
        container=True,
    )
    batch_size: int = opt(
        1,
        "Batch size",
        "Pictures per step.",
        group=_GROUP,
        unit="pictures",
        on_resume="new-trajectory",
        ge=1,
    )
    resolution: int = opt(
        256,
        "Resolution",
        "Side length of the training crops.",
        group=_GROUP,
        unit="pixels",
        on_resume="new-trajectory",
        detail="Pictures whose shorter side is smaller are left out. An upscaler's input is "
        "resolution / zoom.",
        ge=16,
        le=8192,
    )
    learning_rate: float = opt(
        1e-06,
        "Learning rate",
        "Step size of the optimizer.",
        group=_GROUP,
        on_resume="new-trajectory",
        detail="It stays the same from first to last step.",
        log=True,
        gt=0,
    )
    optimizer: str = opt(
        "adam",
        "Optimizer",
        "Optimizer, by the names of train.optimizer.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
    )
    optimizer_params: dict[str, Any] = opt(
        {},
        "Optimizer settings",
        "Extra settings of the optimizer.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
    epochs: int | None = opt(
        None,
        "Epochs",
        "Passes over the data. Give this or max_steps; the smaller counts.",
        group=_GROUP,
        tier="advanced",
        unit="epochs",
        on_resume="new-trajectory",
        ge=1,
    )
    max_steps: int | None = opt(
        None,
        "Steps",
        "Number of training steps. Give this or epochs; the smaller counts.",
        group=_GROUP,
        unit="steps",
        on_resume="new-trajectory",
        ge=1,
    )
    sample_every: int | None = opt(
        None,
        "Preview interval",
        "Make previews every N steps. Empty: only before training.",
        group=_GROUP,
        unit="steps",
        requires=("sample_sources",),
        ge=1,
    )
    sample_sources: list[str] | None = opt(
        None,
        "Preview pictures",
        "Pictures that are reconstructed or upscaled as previews.",
        group=_GROUP,
        editor="path",
    )
    save_every: int | None = opt(
        None,
        "Save interval",
        "Save every N steps. Empty: only at the end.",
        group=_GROUP,
        unit="steps",
        ge=1,
    )
    log_every: int = opt(
        100,
        "Log interval",
        "Write averaged losses every N steps.",
        group=_GROUP,
        tier="advanced",
        unit="steps",
        ge=1,
    )
    dtype: FileDtype = opt(
        "float32",
        "Precision",
        "Number format of training.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        choices=FILE_WORDS,
        synonyms=FILE_SYNONYMS,
    )
    mse_weight: float = opt(
        1.0,
        "MSE weight",
        "Weight of the mean squared error.",
        group=_GROUP,
        tier="advanced",
        on_resume="new-trajectory",
        detail="Autoencoders: the mean of the squared error and of that after a 3x3 sharpening "
        "filter. Upscalers: the squared error.",
        ge=0,
    )
    style_weight: float = opt(
        0.0,
        "Style weight",
        "Weight of the texture statistics difference (VGG19).",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Gram matrices after the first activation of VGG19 blocks 2, 3 and 4, squared "
        "difference, each divided by its value on noise at the start.",
        ge=0,
    )
    content_weight: float = opt(
        0.0,
        "Content weight",
        "Weight of the VGG19 feature difference.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Squared difference of the features after the second activation of VGG19 blocks 2, "
        "3 and 4, scaled like the style weight.",
        ge=0,
    )
    tv_weight: float = opt(
        0.0,
        "Variation weight",
        "Matches the overall roughness of output and target.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="|TV(output) - TV(target)| with TV the summed differences of neighbours divided by "
        "C H W.",
        ge=0,
    )
    pattern_weight: float = opt(
        0.0,
        "Pattern weight",
        "Suppresses checkerboard patterns.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Pixels are grouped by their place in an s x s grid (s = 16, for upscalers the "
        "zoom); the deviation of group means from the colour's mean is compared between output "
        "and target.",
        ge=0,
    )
    use_critic: bool = opt(
        False,
        "Adversarial critic",
        "Train a discriminator along with the model.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        detail="Autoencoders: a critic on pixels, trained at every step. Upscalers: a critic on "
        "VGG19 features.",
    )
    critic_weight: float = opt(
        1.0,
        "Critic weight",
        "Weight of the adversarial term.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
        requires=("use_critic",),
        detail="-mean D(output) times the warm-up factor. With LPIPS at most a tenth of its term.",
        ge=0,
    )
    critic: Critic = opt(
        Critic(),
        "Critic settings",
        "Settings of the critic.",
        group=_GROUP,
        tier="expert",
        on_resume="new-trajectory",
    )
