"""`train:` - how the difference between prediction and target is measured and weighted."""

from typing import Literal

from schema.option import Section, opt

_GROUP = "Loss & Preservation Mechanisms"


class Loss(Section):
    """The options of `train:` on the loss."""

    loss_type: Literal["mse", "mae", "pseudo_huber"] = opt(
        "mse",
        "Loss function",
        "How the difference between prediction and target is measured. mse is the standard.",
        group=_GROUP,
        on_resume="new-trajectory",
        choices={
            "mse": "squared difference: the standard",
            "mae": "absolute difference: forgiving to outliers",
            "pseudo_huber": "squared when small, absolute when large",
        },
        synonyms={"huber": "pseudo_huber", "l2": "mse", "l1": "mae"},
    )
    min_snr_gamma: float | None = opt(
        None,
        "Min-SNR gamma",
        "Balances noise levels by capping the weight of easy, low-noise steps. 5 is common.",
        group=_GROUP,
        tier="advanced",
        applies_to=("alpha_bar",),
        on_resume="new-trajectory",
        gt=0,
    )
