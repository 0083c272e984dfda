"""Settings of the models that are trained on the datasets: what they begin from, what they see, and how they learn."""

from typing import Literal

from pydantic import Field, model_validator

from funcdex_assets.settings.model_shape import ModelShape
from funcdex_assets.settings.section import Section

SCRATCH = "scratch"


class Training(Section):
    """How models are trained; what a field does is told in `docs/training.md`."""

    base: str = Field(
        default=SCRATCH,
        description="what a model begins from: `scratch`, a folder in Hugging Face's layout, or a GGUF file",
    )
    layout: Literal["with_tools", "without_tools"] = Field(
        default="with_tools",
        description="whether the definitions stand in the prompt, or the model learns the functions by heart",
    )
    chat_template: Literal["auto", "ours"] = Field(
        default="auto",
        description="`auto` keeps a base model's own chat template if it renders tools, and gives it ours otherwise",
    )
    context: int = Field(
        default=4096,
        ge=128,
        le=1_000_000,
        description="most tokens of a row; what is longer is split into windows of whole turns, none of which is lost",
    )
    vocabulary_size: int = Field(
        default=4096,
        ge=512,
        le=200_000,
        description="most tokens of the vocabulary that a model from scratch gets; the output layer is as wide",
    )
    prompt_weight: float = Field(
        default=0.0,
        ge=0.0,
        lt=1.0,
        description="what a token of users and results counts in the loss beside one of the assistant, which counts 1; "
        "system prompt and tools never count",
    )
    bad_turn_weight: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="what the assistant's tokens count in turns that a judge or a rule found unfit to train on",
    )

    # ── the model ──
    model: ModelShape = ModelShape()
    method: Literal["full", "lora"] = Field(
        default="full", description="train all weights, or small matrices beside them that are merged at export"
    )
    lora_rank: int = Field(default=16, ge=1)
    lora_alpha: float = Field(default=32, gt=0, description="the update counts lora_alpha / lora_rank")
    freeze_embeddings: bool = Field(
        default=True, description="keep the embeddings of a pretrained base; a model from scratch learns its own"
    )
    dropout: float = Field(default=0.0, ge=0, lt=1, description="of attention, and of LoRA's inputs")

    # ── the budget: the first that is spent ends the training ──
    epochs: float | None = Field(default=3.0, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    max_cpu_seconds: float | None = Field(
        default=None, gt=0, description="of the training steps of one process; evaluations and samples are not counted"
    )
    patience: int | None = Field(
        default=None,
        ge=1,
        description="end after so many evaluations without a better validation loss; by default never",
    )

    # ── a step ──
    pack_tokens: int = Field(
        default=1024, ge=16, description="tokens computed at once: rows that share a prefix, packed; longer rows alone"
    )
    packs_per_step: int = Field(
        default=1, ge=1, description="packs whose gradient is accumulated before the weights change, in all processes"
    )
    detach_prefix: bool | None = Field(
        default=None,
        description="compute system prompt and tools without gradient, which is quicker; by default for a pretrained "
        "base, which can read them already",
    )
    learning_rate: float | None = Field(
        default=None, gt=0, description="by default 2e-4 for a pretrained base, 3e-3 for a model from scratch"
    )
    min_learning_rate_share: float = Field(default=0.1, ge=0, le=1, description="of the rate that remains at the end")
    warmup_steps: int = Field(default=5, ge=0)
    weight_decay: float = Field(default=0.1, ge=0, description="of matrices; norms and embeddings do not decay")
    beta_1: float = Field(default=0.9, ge=0, lt=1)
    beta_2: float = Field(default=0.95, ge=0, lt=1)
    max_gradient_norm: float = Field(default=1.0, gt=0)

    # ── on the way ──
    eval_interval: int = Field(default=50, ge=1, description="steps between evaluations; the end is evaluated anyway")
    eval_rows: int = Field(
        default=32,
        ge=1,
        description="train rows that validate and are not learned: the same ones each time; at most a tenth",
    )
    sample_interval: int = Field(default=200, ge=1, description="steps between samples")
    sample_rows: int = Field(default=3, ge=0, description="validation rows that are answered for a look")
    sample_tokens: int = Field(default=96, ge=1, description="at most, of a sampled answer")
    checkpoint_interval: int = Field(default=50, ge=1, description="steps between checkpoints")

    # ── the machine ──
    device: str = Field(default="auto", description="`auto`, `cpu`, `cuda`, `cuda:1`, `mps`")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="bfloat16 where the device computes with it, else float32"
    )
    threads: int = Field(
        default=1, ge=1, description="of one process on a CPU; the same number gives the same sums, bit for bit"
    )
    processes: int = Field(default=1, ge=1, description="of data parallel training, started by torchrun")
    compile: bool | None = Field(default=None, description="torch.compile; by default on CUDA alone")
    allow_worse: bool = Field(
        default=False, description="publish a model although the latest has a lower loss on the same validation rows"
    )

    @model_validator(mode="after")
    def _check_budget(self) -> "Training":
        if self.epochs is None and self.max_steps is None and self.max_cpu_seconds is None:
            raise ValueError("the training would never end; set epochs, max_steps or max_cpu_seconds")
        return self
