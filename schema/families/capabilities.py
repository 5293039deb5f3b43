"""What a model family can be or do, each with its words: "only for a model that <words>".

Options name capabilities in `applies_to`, families hold them; neither knows the other. A
capability that a single family has is still one: the next family of that kind gets it in its row.
"""

from typing import Final

_KIND: Final = {
    "unet": "is built as a U-Net",
    "transformer": "is built as a transformer",
    "classic": "is one of the classic ones (SD 1 to 3, SDXL, PixArt, AuraFlow, FLUX.1, Lumina 2)",
    "alpha_bar": "is trained with an alpha-bar noise table (not flow matching)",
    "flow": "is trained by flow matching",
    "pictures": "draws pictures or videos",
    "video": "makes videos",
    "audio": "makes sound",
    "two_experts": "has two denoisers, one for high and one for low noise",
    "guidance_embedding": "takes the guidance scale as an input",
    "guidance_bypass": "can be trained without its distilled guidance input",
    "refiner": "has a refiner for the last steps",
}
_TEXT: Final = {
    "trainable_text_encoder": "has a text encoder small enough to train",
    "second_text_encoder": "has a second text encoder",
    "separate_text_encoder": "has a text encoder apart from the denoiser",
    "one_language_model": "reads prompts with one exchangeable language model",
    "t5_in_few_bits": "has a T5 text encoder that loads in 8 or 4 bits",
    "text_mask": "can leave out the padding of the prompt",
    "prompt_limit": "lets the config choose how many tokens of a prompt count",
    "text_conditioner": "has a small trainable adapter behind the text encoder",
    "encoder_elsewhere": "can take its text encoder from another place",
    "encoder_subfolder": "keeps its text encoder in a subfolder of its own",
    "pictures_in_prompts": "shows its control images to the text encoder",
    "llama": "reads prompts with a separate Llama model",
}
_LATENTS: Final = {
    "separate_vae": "works in the latent space of a VAE that can be exchanged",
    "small_latents": "works on latents of 4 channels",
    "vae_elsewhere": "takes its VAE from a place of its own",
    "tiled_vae": "has a video VAE that can work in tiles",
    "posterior_choice": "can train on the mean of what the VAE sees",
    "size_override": "lets the config override its native size",
    "scaled_noise": "scales its training noise",
}
_INPUTS: Final = {
    "picture_input": "takes a picture beside the prompt",
    "control": "takes control or reference images",
    "multi_control": "takes several control or reference images",
    "first_frame": "continues a first frame",
    "optional_first_frame": "can train with and without a first frame",
    "inpaint_input": "takes an inpaint picture and mask as inputs",
    "reference_budget": "fits reference images to a number of pixels",
    "reference_pixels": "lets the config choose how large reference images are",
    "reference_side": "limits the longer side of what the text encoder sees",
    "reference_edge": "shows reference images to the text encoder at a chosen size",
    "reference_refiner": "has refiner blocks for reference images",
    "reference_clips": "can take a still reference as a short clip",
    "switchable_editing": "draws from scratch or edits, as the config says",
    "cfg_norm": "can keep the length of the conditional prediction under guidance",
}
_LAYERS: Final = {
    "convolutions": "has convolution layers that a network can adapt",
    "kohya_keys": "keeps LoRA files in the kohya layout, which has an alpha",
    "old_lokr_keys": "may keep LoKr files under their older key names",
    "in_out_layers": "has first and last layers that can be retrained",
    "quantizable": "can store its layers in fewer bits",
    "recovery": "is quantized block by block, so that recovery adapters fit",
    "split_blocks": "can spread its blocks over several GPUs",
    "attention_choice": "lets the config choose how attention is computed",
}
_FILES: Final = {
    "single_file": "loads from a single checkpoint file",
    "separate_denoiser": "can take its denoiser from another place",
    "checkpoint_choice": "lets the config choose among the files of its repository",
    "comfy_file": "loads files with ComfyUI's names",
    "mmdit_overrides": "lets the config override the sizes of its transformer",
    "transformer_overrides": "lets the config override parts of its transformer",
    "component_file": "keeps its transformer in a file of its own",
    "video_parts": "keeps the VAEs of picture and sound in files of their own",
    "partitions": "comes in partitions for different tasks",
}
_PREVIEWS: Final = {
    "chosen_sampler": "draws its previews with the sampler of the config",
    "real_guidance": "can be previewed with real guidance in place of the distilled one",
    "rescaled_guidance": "can tone down its guidance in previews",
    "unconditional_lora": "may use a LoRA in the negative pass of previews",
}

CAPABILITIES: Final[dict[str, str]] = {
    **_KIND, **_TEXT, **_LATENTS, **_INPUTS, **_LAYERS, **_FILES, **_PREVIEWS,
}  # fmt: skip
