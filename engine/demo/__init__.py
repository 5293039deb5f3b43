"""The demo project: a small picture model that really was trained, and a thing it does not know.

`pictures` draws everything, `tokens` and `model` build the empty checkpoint, `train_vae` trains the
part that turns pictures into latents, `make` runs the whole factory (UNet and text encoder through
the engine's own full fine-tune, configured in `base.yaml`) and writes `assets/`, which is what
`finetui demo` copies. The trainer imports nothing of this.
"""
