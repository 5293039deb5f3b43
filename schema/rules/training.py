"""Rules on what is trained and how long: modes, accumulation, timesteps, text encoder."""

from collections.abc import Iterator

from schema.rules.lookup import is_flow, trains_refiner, value_at
from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []


@rule(RULES, "error", "train.train_unet", "train.train_text_encoder", "train.train_refiner")
def nothing_to_train(scope: Scope) -> Iterator[Problem]:
    """Neither the denoiser nor the text encoder is trained."""
    train = scope.process.train
    others = value_at("embedding", scope) is not None or value_at("adapter.train", scope)
    others = others or value_at("decorator", scope) is not None or trains_refiner(scope)
    if not train.train_unet and not train.train_text_encoder and not others:
        message = "nothing is trained: neither the denoiser nor the text encoder"
        yield Problem("train.train_unet", message, "true")


@rule(RULES, "error", "train.gradient_accumulation", "train.gradient_accumulation_steps")
def two_accumulations(scope: Scope) -> Iterator[Problem]:
    """The present and the legacy accumulation setting at once."""
    train = scope.process.train
    if train.gradient_accumulation > 1 and train.gradient_accumulation_steps != 1:
        message = "both ways to accumulate gradients are set; use gradient_accumulation alone"
        yield Problem("train.gradient_accumulation_steps", message, "1")


@rule(RULES, "error", "train.gradient_accumulation_steps")
def no_accumulation_of_zero(scope: Scope) -> Iterator[Problem]:
    """0 would never update."""
    if scope.process.train.gradient_accumulation_steps == 0:
        message = "0 would never update the weights; 1 updates at every step"
        yield Problem("train.gradient_accumulation_steps", message, "1")


@rule(RULES, "error", "train.min_denoising_steps", "train.max_denoising_steps")
def noise_range(scope: Scope) -> Iterator[Problem]:
    """The range of noise levels must hold at least one that can be drawn."""
    train = scope.process.train
    low, high = train.min_denoising_steps, train.max_denoising_steps
    if low > high:
        message = f"the first noise index ({low}) is above the last ({high})"
        yield Problem("train.min_denoising_steps", message, str(high))
    elif 0 < high - low < 3 and not is_flow(scope):
        message = f"no noise level lies between {low} and {high}; make them equal or 3 apart"
        yield Problem("train.max_denoising_steps", message, str(low))


@rule(
    RULES,
    "error",
    "train.train_text_encoder",
    "train.unload_text_encoder",
    "train.cache_text_embeddings",
    "datasets[].cache_text_embeddings",
)
def text_encoder_is_needed(scope: Scope) -> Iterator[Problem]:
    """A trained text encoder must stay and must see the captions at every step."""
    train = scope.process.train
    if not train.train_text_encoder:
        return
    message = "cannot be combined with train.train_text_encoder, which needs it at every step"
    if train.unload_text_encoder:
        yield Problem("train.unload_text_encoder", message, "false")
    if train.cache_text_embeddings:
        yield Problem("train.cache_text_embeddings", message, "false")
    for path, dataset in scope.datasets():
        if dataset.cache_text_embeddings:
            yield Problem(f"{path}.cache_text_embeddings", message, "false")


@rule(RULES, "error", "train.cache_text_embeddings", "train.unload_text_encoder")
def cache_or_unload(scope: Scope) -> Iterator[Problem]:
    """Two ways to get rid of the text encoder."""
    train = scope.process.train
    if train.cache_text_embeddings and train.unload_text_encoder:
        message = "pick one: cache_text_embeddings keeps the captions, this one ignores them"
        yield Problem("train.unload_text_encoder", message, "false")


@rule(RULES, "warning", "train.unload_text_encoder")
def captions_are_ignored(scope: Scope) -> Iterator[Problem]:
    """Unloading trains with the trigger word only."""
    if scope.process.train.unload_text_encoder and not scope.process.trigger_word:
        message = "captions are ignored and there is no trigger word: trains on the empty prompt"
        yield Problem("train.unload_text_encoder", message)


@rule(RULES, "warning", "train.dtype", "device")
def half_precision_on_cpu(scope: Scope) -> Iterator[Problem]:
    """float16 arithmetic on a CPU is slow and often missing."""
    if scope.process.device == "cpu" and scope.process.train.dtype == "fp16":
        yield Problem("train.dtype", "fp16 is slow and imprecise on a CPU", "fp32")


@rule(RULES, "warning", "train.dtype", "network")
def full_fine_tuning_in_fp16(scope: Scope) -> Iterator[Problem]:
    """Trained weights in float16 lose small updates."""
    if scope.process.fine_tunes and scope.process.train.dtype == "fp16":
        message = "full fine-tuning in fp16 loses small updates and can overflow"
        yield Problem("train.dtype", message, "bf16")


@rule(RULES, "hint", "train.ema_config.ema_decay", "train.steps")
def average_slower_than_the_run(scope: Scope) -> Iterator[Problem]:
    """An average over more steps than there are still holds the first weights."""
    train = scope.process.train
    ema = train.ema_config
    window = 1 / (1 - ema.ema_decay) if ema.ema_decay < 1 else float("inf")
    if ema.use_ema and round(min(window, 1e9)) > train.steps:
        message = f"averages over about {window:.0f} steps, more than the run's {train.steps}"
        better = "0.99" if train.steps >= 100 else f"{1 - 1 / train.steps:.2g}"
        yield Problem("train.ema_config.ema_decay", message, better)
