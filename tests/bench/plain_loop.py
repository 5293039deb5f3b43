"""LoRA training as one writes it by hand: what the engine is measured against."""

from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from peft import LoraConfig
from torch import Tensor, nn


class PlainLoop:
    """A frozen UNet with a LoRA, its data encoded already; `step()` is one update."""

    def __init__(
        self, folder: Path, process: dict[str, Any], latents: Tensor, text: Tensor
    ) -> None:
        train, network = process["train"], process["network"]
        torch.manual_seed(0)
        self.latents, self.text = latents, text
        self.noise = DDPMScheduler.from_pretrained(folder, subfolder="scheduler")
        self.unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet")
        self.unet.requires_grad_(False)
        blocks = [".attentions.", ".resnets.", "samplers."][: 3 if network.get("conv") else 1]
        places = [
            name
            for name, module in self.unet.named_modules()
            if isinstance(module, nn.Linear | nn.Conv2d) and any(b in name for b in blocks)
        ]
        config = LoraConfig(
            r=network["linear"], lora_alpha=network["linear_alpha"], target_modules=places
        )
        self.unet.add_adapter(config)
        self.weights = [p for p in self.unet.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.weights, lr=float(train["lr"]), fused=True)
        self.batch, self.clip = train["batch_size"], train.get("max_grad_norm", 1.0)
        self.unet.train()

    def step(self) -> Tensor:
        """One update; the loss stays a tensor."""
        rows = torch.randint(len(self.latents), (self.batch,))
        latents, text = self.latents[rows], self.text[rows]
        noise = torch.randn_like(latents)
        t = torch.randint(1000, (self.batch,))
        noisy = self.noise.add_noise(latents, noise, t)
        predicted = self.unet(noisy, t, text, return_dict=False)[0]
        loss = nn.functional.mse_loss(predicted, noise)
        loss.backward()
        nn.utils.clip_grad_norm_(self.weights, self.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.detach()
