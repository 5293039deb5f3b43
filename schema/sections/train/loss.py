"""`train:` - how the difference between prediction and target is measured and weighted."""

from typing import Literal

from schema.option import Section, opt

_LOSS = "Loss & Preservation Mechanisms"
_ADAPTIVE = "Adaptive & Dynamic Features"
_EXPERIMENTAL = "Experimental losses"


class Loss(Section):
    """The options of `train:` on the loss."""

    loss_type: Literal[
        "mse", "mae", "pseudo_huber", "wavelet", "stepped", "mean_flow", "pixelspace"
    ] = opt(
        "mse",
        "Loss function",
        "How the difference between prediction and target is measured. mse is the standard.",
        group=_LOSS,
        choices={
            "mse": "squared difference: the standard",
            "mae": "absolute difference: forgiving to outliers",
            "pseudo_huber": "squared when small, absolute when large",
            "wavelet": "differences by size of detail, flow models",
            "stepped": "the clean picture after a small sampling step, flow models",
            "mean_flow": "average velocity, with the adapter mean_flow",
            "pixelspace": "differences of decoded pixels",
        },
        synonyms={"huber": "pseudo_huber", "l2": "mse", "l1": "mae"},
        on_resume="new-trajectory",
        detail="With p the prediction and y the target, per element: mse (p - y)^2; mae |p - "
        "y|; pseudo_huber sqrt((p - y)^2 + c^2) - c with c = 0.01. wavelet compares the four "
        "Haar bands of the clean estimate e - p with those of x0. stepped goes from x_t along p "
        "to a level 0.05 cleaner, works out the clean picture there and compares it with x0, "
        "times 10. pixelspace decodes the clean estimate and compares pixels. mean_flow trains "
        "average velocities for one-step sampling.",
    )
    loss_target: Literal["noise", "source", "unaugmented", "differential_noise"] = opt(
        "noise",
        "Loss target",
        "What the loss compares: the noise (normal), the clean image, or the un-augmented image.",
        group=_LOSS,
        tier="advanced",
        choices={
            "noise": "the usual target",
            "source": "the clean image",
            "unaugmented": "the image before augmentation",
            "differential_noise": "half of what augmentation changed counts as noise",
        },
        on_resume="new-trajectory",
        conflicts=("train.train_turbo",),
        detail="noise: the usual target. source: mean of ((x_t - s p - x0) / s)^2, the error of "
        "the clean estimate, without loss function or timestep weights. unaugmented: the same "
        "with x0 of the image before augmentation, so that the model learns to undo it. "
        "differential_noise: e <- e + (x0 - x0') / 2 and x0 <- x0', x0' that of the "
        "un-augmented image.",
    )
    pred_scaler: float = opt(
        1.0,
        "Prediction scaler",
        "Above 1 pushes toward softer, below 1 toward stronger predictions; affects detail.",
        group=_LOSS,
        tier="expert",
        on_resume="new-trajectory",
        detail="p <- factor * p before the loss, so training drives the model's own prediction "
        "to y / factor.",
        gt=0,
        le=4,
    )
    match_noise_norm: bool = opt(
        False,
        "Match noise norm",
        "Rescale the prediction to the noise strength before the loss, protecting brightness.",
        group=_ADAPTIVE,
        tier="advanced",
        on_resume="new-trajectory",
        detail="p <- p * |e| / |p| per image, before everything else in the loss.",
    )
    min_snr_gamma: float | None = opt(
        None,
        "Min-SNR gamma",
        "Balances noise levels by capping the weight of easy, low-noise steps. 5 is common.",
        group=_LOSS,
        tier="advanced",
        applies_to=("alpha_bar",),
        on_resume="new-trajectory",
        gt=0,
    )
    snr_gamma: float | None = opt(
        None,
        "SNR gamma",
        "Weights the loss by gamma divided by the signal-to-noise ratio, without a cap.",
        group=_LOSS,
        tier="expert",
        applies_to=("alpha_bar",),
        on_resume="new-trajectory",
        conflicts=("train.min_snr_gamma",),
        detail="Weight gamma / SNR(t), SNR(t) = abar_t / (1 - abar_t), without a cap: very "
        "noisy steps count a lot. Wins over min_snr_gamma.",
        gt=0,
    )
    learnable_snr_gos: bool = opt(
        False,
        "Learnable SNR weighting",
        "Learns by itself how to balance the loss over noise levels.",
        group=_LOSS,
        tier="expert",
        applies_to=("alpha_bar",),
        on_resume="new-trajectory",
        conflicts=("train.snr_gamma", "train.min_snr_gamma"),
        detail="Weight |g / ((SNR(t) + a) s + b)| with four numbers a, b, s, g that an "
        "optimizer of their own fits, so that all noise levels come out with the same loss. "
        "Wins over both gammas; kept beside each checkpoint.",
    )
    correct_pred_norm: bool = opt(
        False,
        "Correct prediction norm",
        "Counteracts drift of the overall brightness and contrast of predictions.",
        group=_LOSS,
        tier="expert",
        on_resume="new-trajectory",
        detail="One more prediction, without the network, gives mean and spread per channel; "
        "the target is moved and scaled so that those of the prediction go back towards them. "
        "Not on regularization batches.",
    )
    correct_pred_norm_multiplier: float = opt(
        1.0,
        "Norm correction strength",
        "How strongly the prediction norm is corrected.",
        group=_LOSS,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.correct_pred_norm",),
        detail="0 keeps the prediction's mean and spread, 1 goes all the way to those of the "
        "untouched model.",
        ge=0,
        le=1,
    )
    target_norm_std: bool = opt(
        False,
        "Normalise prediction spread",
        "Adds a small penalty that keeps the spread of predictions at a fixed value.",
        group=_LOSS,
        tier="expert",
        on_resume="new-trajectory",
        default_note="Empty means off, as false does.",
        detail="loss += mean |target - std(p)| over images and channels.",
    )
    target_norm_std_value: float = opt(
        1.0,
        "Target spread",
        "The spread (standard deviation) predictions should have.",
        group=_LOSS,
        tier="expert",
        on_resume="new-trajectory",
        requires=("train.target_norm_std",),
        gt=0,
    )
    t0_loss_target: bool = opt(
        False,
        "Clean-image loss",
        "Compute the loss on the predicted clean image instead of on the velocity.",
        group=_EXPERIMENTAL,
        tier="expert",
        applies_to=("flow",),
        on_resume="new-trajectory",
        conflicts=("train.do_guidance_loss", "train.do_signal_amplification"),
        detail="p <- x_t - max(s, 0.001) p, the clean estimate, and y <- x0; then the loss "
        "function as usual.",
    )
    t0_velocity_equiv_weight: bool = opt(
        False,
        "Clean loss re-weighting",
        "Re-weight the clean-image loss so noise levels count as in the normal loss.",
        group=_EXPERIMENTAL,
        tier="expert",
        applies_to=("flow",),
        on_resume="new-trajectory",
        requires=("train.t0_loss_target",),
        detail="Times 1 / max(s, 0.1)^2, s the noise level.",
    )
    do_fft_loss: bool = opt(
        False,
        "Frequency loss",
        "Adds a loss on the frequency content of the predicted clean image.",
        group=_EXPERIMENTAL,
        tier="expert",
        applies_to=("flow",),
        on_resume="new-trajectory",
        detail="loss += mean of (|F(x0')| - |F(x0)|)^2 over the magnitudes of the 2-D Fourier "
        "transform, x0' the clean estimate.",
    )
    do_fft_velocity_equiv_weight: bool = opt(
        False,
        "Frequency re-weighting",
        "Re-weights the frequency loss per noise level.",
        group=_EXPERIMENTAL,
        tier="expert",
        applies_to=("flow",),
        on_resume="new-trajectory",
        requires=("train.do_fft_loss",),
        detail="Each image's frequency loss times 1 / max(s, 0.1)^2, s the noise level.",
    )
    audio_loss_multiplier: float = opt(
        1.0,
        "Audio loss multiplier",
        "Weight of the sound part for models that generate video with audio.",
        group=_EXPERIMENTAL,
        tier="advanced",
        applies_to=("audio",),
        on_resume="new-trajectory",
        detail="loss += factor * mean squared error of the sound; picture and sound are also "
        "recorded on their own.",
        ge=0,
    )
