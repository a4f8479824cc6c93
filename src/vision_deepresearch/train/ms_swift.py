"""A recipe of kind "sft" as the command of ms-swift's Megatron trainer, which has its own environment.

Flags were checked against the argument classes of ms-swift 4.6, but for those of Adam, clipping,
weight decay and seed, which have Megatron's names; nothing of it is imported. Rows that are
over-long are deleted by it in silence, so count them before.
"""

from pathlib import Path

from vision_deepresearch.train.sft_settings import SftSettings


def swift_command(settings: SftSettings, *, dataset: Path, out: Path) -> tuple[str, ...]:
    """The command, word by word; for each node, which sets NNODES and NODE_RANK itself.

    Args:
        settings: with backend `ms-swift`.
        dataset: JSON lines of `vdr export --format ms-swift`.
        out: where it writes.
    """
    opt, parallel, batch = settings.optimizer, settings.parallel, settings.batch
    flags: dict[str, object] = {
        "model": settings.model,
        "dataset": dataset,
        "strict": True,
        "load_from_cache_file": True,
        "loss_scale": "default",
        "preserve_thinking": True,
        "max_length": settings.max_tokens,
        "truncation_strategy": "delete",
        "tensor_model_parallel_size": parallel.tensor,
        "sequence_parallel": parallel.tensor > 1,
        "context_parallel_size": parallel.context,
        "packing": batch.is_packed,
        "micro_batch_size": 1,
        "global_batch_size": batch.size,
        "num_train_epochs": settings.epochs,
        "finetune": True,
        "cross_entropy_loss_fusion": True,
        "lr": opt.lr,
        "min_lr": opt.min_lr,
        "lr_warmup_fraction": opt.warmup_frac,
        "adam_beta1": opt.beta1,
        "adam_beta2": opt.beta2,
        "weight_decay": opt.weight_decay,
        "clip_grad": opt.clip_norm,
        "attention_backend": "flash",
        "freeze_llm": False,
        "freeze_vit": not settings.train_vision,
        "freeze_aligner": not settings.train_aligner,
        "save_safetensors": True,
        "save_steps": settings.checkpoint_every,
        "seed": settings.seed,
        "output_dir": out,
    }
    if settings.recompute_layers:
        flags |= {
            "recompute_granularity": "full",
            "recompute_method": "uniform",
            "recompute_num_layers": 1,
        }
    if parallel.expert > 1:
        flags |= {
            "expert_model_parallel_size": parallel.expert,
            "moe_grouped_gemm": True,
            "moe_permute_fusion": True,
            "moe_shared_expert_overlap": True,
            "moe_aux_loss_coeff": parallel.moe_aux_loss,
        }
    if parallel.moe_capacity_factor is not None:
        flags["moe_expert_capacity_factor"] = parallel.moe_capacity_factor
    words = [word for name, value in flags.items() for word in (f"--{name}", _word(value))]
    return ("megatron", "sft", *words)


def swift_environment(settings: SftSettings) -> dict[str, str]:
    """Variables the command reads."""
    tokens = settings.pictures.max_tokens if settings.pictures is not None else 1024
    return {
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "IMAGE_MAX_TOKEN_NUM": str(tokens),
        "NPROC_PER_NODE": str(settings.parallel.gpus_per_node),
    }


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
