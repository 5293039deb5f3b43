"""Preview samplers of the classic families: a sampler's name -> a diffusers scheduler.

The noise levels and the prediction type are the model's own; spacing, offset and clipping are the
same for every sampler, so that previews differ by the sampler alone. A leading ``k_`` asks for
Karras spacing. Flow models have samplers of their own, with the shift of the model's scheduler
config. diffusers is imported when a preview is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import ConfigError

# the model's part of a scheduler's config
MODEL_KEYS = (
    "num_train_timesteps",
    "beta_start",
    "beta_end",
    "beta_schedule",
    "trained_betas",
    "prediction_type",
    "rescale_betas_zero_snr",
)
COMMON: dict[str, Any] = {
    "timestep_spacing": "leading",
    "steps_offset": 1,  # diffusers' pipeline insists on it and would change it behind our back
    "clip_sample": False,
    "set_alpha_to_one": False,
}
KARRAS = {"use_karras_sigmas": True}
# final_sigmas_type: this algorithm divides by the last sigma, which must not be zero
SOLVER = {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}
SOLVER_PP = {"algorithm_type": "dpmsolver++"}
SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "ddpm": ("DDPMScheduler", {}),
    "ddim": ("DDIMScheduler", {}),
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True}),
    "lms": ("LMSDiscreteScheduler", {}),
    "k_lms": ("LMSDiscreteScheduler", KARRAS),
    "euler": ("EulerDiscreteScheduler", {}),
    "k_euler": ("EulerDiscreteScheduler", KARRAS),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "dpmsolver": ("DPMSolverMultistepScheduler", SOLVER),
    "dpmsolver++": ("DPMSolverMultistepScheduler", SOLVER_PP),
    "k_dpmsolver": ("DPMSolverMultistepScheduler", SOLVER | KARRAS),
    "k_dpmsolver++": ("DPMSolverMultistepScheduler", SOLVER_PP | KARRAS),
    "dpmsingle": ("DPMSolverSinglestepScheduler", {"lower_order_final": True}),
    "heun": ("HeunDiscreteScheduler", {}),
    "dpm_2": ("KDPM2DiscreteScheduler", {}),
    "dpm_2_a": ("KDPM2AncestralDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    # steps of the whole table instead of the 50 that a distillation has, in any number
    "custom_lcm": ("LCMScheduler", {"original_inference_steps": 1000}),
}
FLOW_SAMPLERS: dict[str, dict[str, Any]] = {
    "flowmatch": {},
    # an average velocity leads straight from level to level, however far apart: no shift helps it
    "mean_flow": {"shift": 1.0, "use_dynamic_shifting": False, "shift_terminal": None},
}
"""What is changed of a flow model's own FlowMatchEulerDiscreteScheduler."""

DEFAULT = "ddpm"  # of the option; a flow model means flowmatch by it


def make_scheduler(name: str, model_config: Mapping[str, Any]) -> Any:
    """The diffusers scheduler called ``name`` for a model's scheduler_config.json.

    Raises ConfigError for a name that is not one of the model's kind.
    """
    flow = str(model_config.get("_class_name", "")).startswith("FlowMatch")
    if flow and name == DEFAULT:
        name = "flowmatch"
    known: Mapping[str, Any] = FLOW_SAMPLERS if flow else SAMPLERS
    if name not in known:
        raise ConfigError(
            "sample.sampler", f"{name!r} is not a sampler of this model: {', '.join(known)}."
        )
    import diffusers

    if flow:
        config = {**model_config, **FLOW_SAMPLERS[name]}
        return diffusers.FlowMatchEulerDiscreteScheduler.from_config(config)

    class_name, extra = SAMPLERS[name]
    scheduler_class = getattr(diffusers, class_name)
    if class_name == "LMSDiscreteScheduler":
        scheduler_class = lms_class()
    kept = {key: model_config[key] for key in MODEL_KEYS if key in model_config}
    return scheduler_class.from_config(COMMON | kept | extra)


def lms_class() -> Any:
    """LMSDiscreteScheduler with its integral done here: diffusers' version wants scipy for it.

    The integrand is a polynomial of degree < order, for which Gauss-Legendre quadrature with
    ``order`` points is exact.
    """
    import numpy as np
    from diffusers.schedulers.scheduling_lms_discrete import LMSDiscreteScheduler

    class ExactLMS(LMSDiscreteScheduler):  # type: ignore[misc]
        """Linear multistep with Gauss-Legendre coefficients."""

        def get_lms_coefficient(self, order: int, t: int, current_order: int) -> float:
            """The integral of the Lagrange polynomial from sigma_t to sigma_{t+1}."""
            low, high = float(self.sigmas[t]), float(self.sigmas[t + 1])
            points, weights = np.polynomial.legendre.leggauss(order)
            tau = 0.5 * (high - low) * points + 0.5 * (high + low)
            values = np.ones_like(tau)
            here = float(self.sigmas[t - current_order])
            for k in range(order):
                if k != current_order:
                    other = float(self.sigmas[t - k])
                    values *= (tau - other) / (here - other)
            return float(0.5 * (high - low) * np.dot(weights, values))

    return ExactLMS
