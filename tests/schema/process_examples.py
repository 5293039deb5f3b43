"""A small config of every process type, as the tests of the processes damage them one at a time."""

MODEL = "model: {name_or_path: model, arch: sd1}"
NETWORK = "network: {type: lora, linear: 4}"
PICTURES = "datasets: [{folder_path: images}]"


def job(kind: str, *lines: str, above: str = "") -> str:
    """A config with one process of these lines; `above` stands under `config:`."""
    body = "\n".join(f"      {line}" for line in "\n".join(lines).splitlines())
    head = "".join(f"  {line}\n" for line in above.splitlines())
    return f"job: {kind}\nconfig:\n  name: it\n{head}  process:\n    -\n{body}\n"


SLIDER = """\
training_folder: out
model: {name_or_path: model, arch: sd1}
network: {type: lora, linear: 4}
"""

EXAMPLES = {
    "sd_trainer": job(
        "extension", "type: sd_trainer", "training_folder: out", MODEL, NETWORK, PICTURES
    ),
    "concept_slider": job(
        "extension",
        "type: concept_slider",
        SLIDER,
        PICTURES,
        """\
slider:
  target_class: person
  positive_prompt: person who is happy
  negative_prompt: person who is sad
  guidance_strength: 3
  anchor_class: ''
  anchor_strength: 0.5
""",
    ),
    "slider": job(
        "train",
        "type: slider",
        MODEL,
        NETWORK,
        """\
slider:
  resolutions: [[512, 512], [512, 768]]
  batch_full_slide: true
  targets:
    - {target_class: person, positive: old, negative: young, shuffle: true, weight: 2}
    - {positive: 'smiling, happy', multiplier: -1}
  anchors:
    - {prompt: a house, multiplier: 0.8}
""",
        above="training_folder: out\nlog_dir: logs",
    ),
    "image_reference_slider_trainer": job(
        "extension",
        "type: image_reference_slider_trainer",
        SLIDER,
        """\
slider:
  weight_jitter: 0.1
  additional_losses: [mae]
  datasets:
    - {pair_folder: pairs, network_weight: 2, target_class: face, size: 768}
    - {pos_folder: up, neg_folder: down, pos_weight: 1.5}
""",
    ),
    "ultimate_slider_trainer": job(
        "extension",
        "type: ultimate_slider_trainer",
        SLIDER,
        """\
slider:
  img_loss_weight: 0.5
  cfg_loss_weight: 2.0
  datasets: [{pair_folder: pairs}]
  targets: [{positive: old, negative: young}]
""",
    ),
    "concept_replacer": job(
        "extension",
        "type: concept_replacer",
        SLIDER,
        PICTURES,
        """\
replacements:
  - {concept: 'a cat, fluffy', replacement: a dog}
  - {concept: an artist, replacement: ''}
""",
    ),
    "rescale_sd": job(
        "train",
        "type: rescale_sd",
        "training_folder: out",
        MODEL,
        """\
rescale: {from_resolution: 512, to_resolution: 256, latent_tensor_dir: teacher}
""",
    ),
    "vae": job(
        "train",
        "type: vae",
        "training_folder: out",
        """\
vae_path: some/vae
datasets: [{path: pictures, scale: 0.5, random_crop: true}]
max_steps: 1000
resolution: 512
train_encoder: true
kld_weight: 1e-6
lpips_weight: 0.5
use_critic: true
critic: {learning_rate: 1e-5, optimizer: adamw, start_step: 100}
""",
    ),
    "esrgan": job(
        "train",
        "type: esrgan",
        "training_folder: out",
        """\
pretrained_path: esrgan.pth
zoom: 4
epochs: 2
datasets:
  - path: pictures
    augmentations: [{method: GaussianBlur, params: {blur_limit: 7}}]
augmentations: [{method: ImageCompression}]
""",
    ),
    "to_folder": job(
        "generate",
        "type: to_folder",
        "output_folder: out",
        "dtype: fp16",
        MODEL,
        """\
generate:
  sampler: ddpm
  size_list: [[512, 512], [512, 768]]
  seed: -1
  guidance_scale: 7
  ext: .png
  prompts: ['a cat --n blurry', a dog]
""",
    ),
    "reference_generator": job(
        "extension",
        "type: reference_generator",
        "output_folder: out",
        MODEL,
        PICTURES,
        "generate: {t2i_adapter_path: some/adapter, walk_seed: true}",
    ),
    "batch_img2img": job(
        "extension",
        "type: batch_img2img",
        "output_folder: out",
        MODEL,
        PICTURES,
        "generate: {denoise_strength: 0.4, trigger_word: sks}",
        "copy_inputs_to: in",
    ),
    "pure_lora_generator": job(
        "extension",
        "type: pure_lora_generator",
        "output_folder: out",
        MODEL,
        "lorm: {extract_mode: fixed}",
        "sample: {prompts: [a cat]}",
    ),
    "locon": job(
        "extract",
        "type: locon",
        """\
mode: ratio
linear: 0.3
conv: 0.2
disable_cp: true
use_sparse_bias: true
sparsity: 0.95
filename: ratio.safetensors
""",
        above="base_model: a.safetensors\nextract_model: b.safetensors\noutput_folder: out\n"
        "dtype: fp16\nextract_unet: true\ndevice: cpu",
    ),
    "lora": job(
        "extract",
        "type: lora",
        "mode: fixed",
        "linear: 64",
        "output_path: x.safetensors",
        above="base_model: a\nextract_model: b",
    ),
    "rescale_lora": job(
        "mod",
        "type: rescale_lora",
        """\
input_path: a.safetensors
output_path: b.safetensors
current_weight: 6.0
target_weight: 1
scale_target: up_down
replace_meta: true
is_xl: true
save_dtype: fp16
""",
    ),
    "example_merge_extension": job(
        "extension",
        "type: example_merge_extension",
        """\
save_path: merged
save_dtype: bfloat16
models_to_merge:
  - {name_or_path: a, arch: sd1, weight: 0.3}
  - {name_or_path: b, arch: sd1, weight: 0.7}
""",
    ),
    "sync_from_collection": job(
        "extension",
        "type: sync_from_collection",
        """\
min_width: 512
dataset_sync:
  - {host: unsplash, collection_id: 'abc', directory: photos, api_key: secret, min_height: 256}
""",
    ),
    "super_tagger": job(
        "extension",
        "type: super_tagger",
        """\
dataset_paths: [one, two]
steps: [contrast_stretch, caption]
caption_method: llava:default
caption_replacements: [[a photo of, '']]
""",
    ),
    "Qwen3VLCaptioner": job(
        "extension",
        "type: Qwen3VLCaptioner",
        """\
caption:
  model_name_or_path: some/model
  extensions: [jpg, png]
  path_to_caption: images
  quantize: true
  qtype: uint4
  max_res: 1024
""",
    ),
    "Qwen3OmniCaptioner": job(
        "extension",
        "type: Qwen3OmniCaptioner",
        """\
caption:
  model_name_or_path: some/model
  extensions: [mp4]
  path_to_caption: films
  batch_size: 2
  layer_offloading: true
  layer_offloading_percent: 0.5
""",
    ),
    "Ideogram4Captioner": job(
        "extension",
        "type: Ideogram4Captioner",
        """\
caption: {model_name_or_path: some/model, extensions: [jpg], path_to_caption: images}
""",
    ),
    "AceStepCaptioner": job(
        "extension",
        "type: AceStepCaptioner",
        """\
caption:
  model_name_or_path: some/transcriber
  model_name_or_path2: some/describer
  extensions: [mp3]
  path_to_caption: songs
  low_vram: true
""",
    ),
}
