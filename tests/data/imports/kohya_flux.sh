#!/bin/sh
# FLUX on 24 GB
accelerate launch --mixed_precision bf16 --num_cpu_threads_per_process 1 flux_train_network.py \
  --pretrained_model_name_or_path /models/flux1-dev.safetensors --clip_l /models/clip_l.safetensors \
  --t5xxl "/models/t5 xxl.safetensors" --ae /models/ae.safetensors \
  --cache_latents_to_disk --cache_text_encoder_outputs --cache_text_encoder_outputs_to_disk \
  --save_model_as safetensors --sdpa --persistent_data_loader_workers --max_data_loader_n_workers 2 \
  --seed 42 --gradient_checkpointing --save_precision bf16 --network_module networks.lora_flux \
  --network_dim 4 --network_alpha 4 --optimizer_type adafactor \
  --optimizer_args "relative_step=False" "scale_parameter=False" "warmup_init=False" \
  --learning_rate 1e-4 --lr_scheduler constant_with_warmup --lr_warmup_steps 0.1 --max_grad_norm 0.0 \
  --fp8_base --highvram --max_train_steps 1200 --save_every_n_steps 200 --save_last_n_steps 400 \
  --train_data_dir /data/img --resolution 512,768 --enable_bucket --caption_extension .txt \
  --output_dir /out --output_name flux-ring \
  --timestep_sampling shift --discrete_flow_shift 3.1582 --model_prediction_type raw \
  --guidance_scale 1.0 --loss_type l2 --blocks_to_swap 18
