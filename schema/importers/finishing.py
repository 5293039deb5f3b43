"""What follows from the family once everything is read: flow models, files that hold no alpha."""

from typing import Any, Final

from schema.families import family
from schema.importers.draft import Draft

_FLOW_SAMPLER: Final = "flowmatch"


def finish(draft: Draft, alpha_key: str) -> None:
    """Bring what was read into line with the family. `alpha_key` is their name of the alpha."""
    row = family(str(draft.get("model.arch", "sd1")))
    if row is None:
        return
    if row.can(("flow",)):
        draft.put("train.noise_scheduler", _FLOW_SAMPLER)
        if draft.get("sample") is not None:
            draft.put("sample.sampler", _FLOW_SAMPLER)
        gamma = draft.drop("train.min_snr_gamma")
        if gamma is not None:
            draft.lost("min_snr_gamma", gamma, f"weights of noise that {row.label} does not have")
    else:
        draft.drop("train.timestep_type")  # noise levels are drawn evenly, as over there
    if not row.can(("kohya_keys",)):
        _without_alpha(draft, alpha_key, row.label)
    if draft.get("train.train_text_encoder") and not row.can(("trainable_text_encoder",)):
        draft.drop("train.train_text_encoder")
        draft.drop("train.text_encoder_lr")
        draft.lost("text encoder", "trained", f"{row.label} is trained without its text encoder")


def _without_alpha(draft: Draft, key: str, label: str) -> None:
    alpha, rank = draft.drop("network.linear_alpha"), draft.get("network.linear")
    draft.drop("network.conv_alpha")
    if alpha is None:
        return
    if alpha == rank:
        draft.told(key, alpha, f"LoRA files of {label} hold no alpha: it is always the rank")
    else:
        strength = f"{alpha:g} / {rank:g}" if _numbers(alpha, rank) else "alpha / rank"
        reason = f"LoRA files of {label} hold no alpha: the strength is 1 here, {strength} there"
        draft.lost(key, alpha, reason)


def _numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)
