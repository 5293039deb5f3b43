"""Rules on saving: formats that do not fit and intervals that never come."""

import os
from collections.abc import Iterator

from schema.rules.rule import Problem, Rule, Scope, rule

RULES: list[Rule] = []


@rule(
    RULES, "hint", "save.save_format", "network", "embedding.trigger", "decorator.num_tokens",
    "train.merge_network_on_save",
)  # fmt: skip
def format_is_for_full_models(scope: Scope) -> Iterator[Problem]:
    """LoRAs are always written as safetensors, unless they are merged into the model."""
    save, merged = scope.process.save, scope.process.train.merge_network_on_save
    if not scope.process.fine_tunes and save.save_format != "safetensors" and not merged:
        what = "a LoRA" if scope.process.network is not None else "what is learned of prompts"
        message = f"is for full models; {what} is saved in a file of its own"
        yield Problem("save.save_format", message, "safetensors")


@rule(RULES, "hint", "save.save_every", "train.steps")
def no_save_before_the_end(scope: Scope) -> Iterator[Problem]:
    """A longer interval than the run leaves only the final save."""
    save, steps = scope.process.save, scope.process.train.steps
    if scope.given("save.save_every") and save.save_every and save.save_every > steps:
        message = f"is above the run's {steps} steps: only the end is saved"
        yield Problem("save.save_every", message, str(max(steps // 4, 1)))


@rule(RULES, "error", "save.save_format", "model.arch")
def ckpt_is_for_older_models(scope: Scope) -> Iterator[Problem]:
    """Only SD 1, SD 2 and SDXL have ever been kept in such files."""
    if scope.process.save.save_format == "ckpt" and not scope.family.can(("unet",)):
        message = f"ckpt is for SD 1, SD 2 and SDXL, not for {scope.family.label}"
        yield Problem("save.save_format", message, "safetensors")


@rule(RULES, "warning", "save.dtype")
def eight_bits_on_disk(scope: Scope) -> Iterator[Problem]:
    """Three bits of fraction are few for weights that others load."""
    if scope.process.save.dtype == "float8":
        message = "float8 keeps few digits, and few programs read it"
        yield Problem("save.dtype", message, "float16")


@rule(RULES, "error", "save.push_to_hub", "save.hf_repo_id")
def upload_needs_a_place(scope: Scope) -> Iterator[Problem]:
    """An upload goes to a repository."""
    save = scope.process.save
    if save.push_to_hub and save.hf_repo_id is None:
        message = "is required by push_to_hub: your name and that of the repository, as owner/name"
        yield Problem("save.hf_repo_id", message)


@rule(RULES, "error", "save.push_to_hub")
def upload_needs_a_token(scope: Scope) -> Iterator[Problem]:
    """Nobody is asked for a login while a run is at work."""
    if scope.process.save.push_to_hub and not token_is_there():
        message = "needs a login: set HF_TOKEN, or run `hf auth login` once"
        yield Problem("save.push_to_hub", message, "false")


def token_is_there() -> bool:
    """Whether a hub token could be found when the upload is due; it is not looked at."""
    if os.environ.get("HF_TOKEN"):
        return True
    cache = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "huggingface"
    )
    return os.path.isfile(os.environ.get("HF_TOKEN_PATH") or os.path.join(cache, "token"))
