"""Train the arms of a recipe with the sentence-transformers trainer."""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch.utils.data import BatchSampler, ConcatDataset, RandomSampler
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase, PrinterCallback, TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME

from mote_demo.errors import UserError, unknown_choice
from mote_demo.files import replacing
from mote_demo.model import MoteModel, upcycle
from mote_demo.model.backbones import backbone_path, find_backbone
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.model.experts import expert_paths
from mote_demo.model.sentence import MoteTransformer
from mote_demo.tasks import ROUTES, TASKS, Route
from mote_demo.training.pairs import load_pairs
from mote_demo.training.recipe import Arm, Recipe
from mote_demo.training.sampler import WeightedBatchSampler, source_weights
from mote_demo.training.tacl import TaskContrastiveLoss

Say = Callable[[str], None]


def train_arm(
    recipe: Recipe, arm: str, *, data_dir: str | Path | None, out: str | Path, work: str | Path, say: Say
) -> dict[str, Any]:
    """Train one arm and write its checkpoint to ``out/arm``.

    A run that was stopped continues from the last state under ``work/arm``; the state of a run with
    other settings is a ``UserError``.

    Args:
        recipe: see ``load_recipe``.
        arm: name of one of ``recipe.arms``.
        data_dir: folder that holds the sources' Parquet files; None reads them from the Hub.
        out: folder of the checkpoints.
        work: folder for the states of the run.
        say: called with a line whenever something happens.

    Returns:
        Facts for the model card: settings, data, steps, minutes, losses.
    """
    if arm not in recipe.arms:
        raise unknown_choice("arm", arm, recipe.arms)
    work = Path(work) / arm
    _claim(work, recipe, arm)
    torch.manual_seed(recipe.seed)
    data = load_sources(recipe, data_dir)
    say(f"{arm}: {sum(map(len, data.values()))} pairs from {len(data)} sources, {recipe.steps} steps")
    model, tokenizer = build_arm(recipe, recipe.arms[arm])
    clock = _Clock(work / "minutes.json")
    trainer = _trainer(recipe, model, tokenizer, data, work)
    trainer.remove_callback(PrinterCallback)  # it would say everything a second time
    for callback in (_Narrator(say), clock):
        trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=_last_state(work))
    losses = [{"step": entry["step"], "loss": entry["loss"]} for entry in trainer.state.log_history if "loss" in entry]
    facts = _facts(recipe, arm, model, data, clock.minutes(), losses)
    folder = Path(out) / arm
    extra = {"training.json": facts}
    save_checkpoint(model, tokenizer.backend_tokenizer, folder, frozen=recipe.frozen, extra=extra)
    say(f"{arm}: saved to {folder} after {facts['minutes']} minutes")
    return facts


def _claim(work: Path, recipe: Recipe, arm: str) -> None:
    """Note the settings of the run in ``work``, or refuse it where those of another run are noted."""
    values = asdict(recipe)
    values["arms"] = values["arms"][arm]
    settings = json.dumps(values, indent=2) + "\n"
    file = work / "recipe.json"
    if file.is_file() and file.read_text(encoding="utf-8") != settings:
        raise UserError(f"{work} holds a run with other settings. Please remove it, or choose another --work folder.")
    with replacing(file) as temporary:
        temporary.write_text(settings, encoding="utf-8")


def _last_state(work: Path) -> str | None:
    """Return the folder of the last complete state; one whose writing was cut short has no trainer state yet."""
    states = [file.parent for file in work.glob(f"checkpoint-*/{TRAINER_STATE_NAME}")]
    return str(max(states, key=lambda folder: int(folder.name.split("-")[1]))) if states else None


def load_sources(recipe: Recipe, data_dir: str | Path | None) -> DatasetDict:
    """Read every source of the recipe as training rows (see ``load_pairs``)."""
    return DatasetDict(
        {
            source.name: Dataset.from_pandas(load_pairs(source, data_dir, recipe.seed), preserve_index=False)
            for source in recipe.sources
        }
    )


def build_arm(recipe: Recipe, arm: Arm) -> tuple[MoteModel, PreTrainedTokenizerBase]:
    """Upcycle the backbone into the untrained model of one arm, with its frozen weights frozen."""
    path = backbone_path(recipe.backbone)
    try:
        backbone, tokenizer = AutoModel.from_pretrained(path), AutoTokenizer.from_pretrained(path)
    except OSError as error:
        raise UserError(f"Cannot load the backbone {recipe.backbone!r}: {error}") from error
    for name, value in backbone.config.to_dict().items():
        if "dropout" in name and isinstance(value, float):
            setattr(backbone.config, name, recipe.dropout)
    routes = {name: Route(route.expert, route.instruction * arm.instructions) for name, route in ROUTES.items()}
    model = upcycle(backbone, routes, expert_layers=arm.expert_layers)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not any(part in name for part in recipe.frozen))
    return model, tokenizer


class TaskAwareTrainer(SentenceTransformerTrainer):
    """Give each data set the batch size of its task, and draw the data sets by weight."""

    def __init__(self, *args: Any, sizes: dict[str, int], weights: list[float], **kwargs: Any) -> None:
        self._sizes = sizes
        self._weights = weights
        super().__init__(*args, **kwargs)

    def get_batch_sampler(self, dataset: Dataset, *args: Any, **kwargs: Any) -> BatchSampler:
        """Return shuffled batches of the size that the data set's task asks for, or of all rows if these are fewer."""
        name = next(name for name, part in self.train_dataset.items() if part is dataset)
        generator = torch.Generator().manual_seed(self.args.seed + len(name))
        size = min(self._sizes[name], len(dataset))
        return DefaultBatchSampler(RandomSampler(dataset, generator=generator), batch_size=size, drop_last=True)

    def get_multi_dataset_batch_sampler(
        self, dataset: ConcatDataset, batch_samplers: list[BatchSampler], **kwargs: Any
    ) -> BatchSampler:
        """Return the weighted sequence of batches for all steps."""
        return WeightedBatchSampler(dataset, batch_samplers, self._weights, self.args.max_steps, self.args.seed)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leave the trainer's own model card out: ours is written from measured files."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        self.model.save(output_dir or self.args.output_dir, create_model_card=False)


class _Narrator(TrainerCallback):
    def __init__(self, say: Say) -> None:
        self.say = say

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.say(f"step {state.global_step}/{state.max_steps} loss {float(logs['loss']):.4f}")


class _Clock(TrainerCallback):
    """Add up the minutes of a run over its stops."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else 0.0
        self.started = time.monotonic()

    def minutes(self) -> float:
        return self.before + (time.monotonic() - self.started) / 60

    def on_save(self, *_: Any, **__: Any) -> None:
        with replacing(self.file) as temporary:
            temporary.write_text(json.dumps(self.minutes()), encoding="utf-8")


def _trainer(
    recipe: Recipe, model: MoteModel, tokenizer: PreTrainedTokenizerBase, data: DatasetDict, work: Path
) -> TaskAwareTrainer:
    tasks = {source.name: source.task for source in recipe.sources}
    limits = {route: settings.max_tokens for name, settings in recipe.tasks.items() for route in TASKS[name].routes}
    sentence = SentenceTransformer(modules=[MoteTransformer(model, tokenizer, limits)])
    losses = {
        name: TaskContrastiveLoss(
            sentence, temperature=recipe.tasks[task].temperature, symmetric=recipe.tasks[task].symmetric
        )
        for name, task in tasks.items()
    }
    weights = source_weights(
        {name: len(part) for name, part in data.items()},
        {source.name: source.weight for source in recipe.sources},
        tasks,
        {name: settings.weight for name, settings in recipe.tasks.items()},
    )
    return TaskAwareTrainer(
        model=sentence,
        args=_arguments(recipe, model, tasks, work),
        train_dataset=data,
        loss=losses,
        sizes={name: recipe.tasks[task].batch_size for name, task in tasks.items()},
        weights=weights,
    )


def _arguments(
    recipe: Recipe, model: MoteModel, tasks: Mapping[str, str], work: Path
) -> SentenceTransformerTrainingArguments:
    spec = find_backbone(model.config.backbone_config.model_type)
    paths = "|".join(map(re.escape, expert_paths(spec.blocks, spec.mlp, recipe.expert_layers)))
    routes = {name: TASKS[task].routes for name, task in tasks.items()}
    cuda = torch.cuda.is_available()
    return SentenceTransformerTrainingArguments(
        output_dir=str(work),
        max_steps=recipe.steps,
        per_device_train_batch_size=max(settings.batch_size for settings in recipe.tasks.values()),
        learning_rate=recipe.learning_rate,
        learning_rate_mapping={rf"\.({paths})\.": recipe.expert_learning_rate},
        lr_scheduler_type="cosine",
        warmup_steps=int(recipe.warmup * recipe.steps),
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        seed=recipe.seed,
        bf16=cuda,
        use_cpu=not cuda,
        router_mapping={
            name: {"anchor": sides[0], "positive": sides[-1], "negative": sides[-1]} for name, sides in routes.items()
        },
        save_steps=recipe.save_every,
        save_total_limit=1,
        logging_steps=10,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=cuda,
    )


def _facts(
    recipe: Recipe, arm: str, model: MoteModel, data: DatasetDict, minutes: float, losses: list[dict[str, float]]
) -> dict[str, Any]:
    values = asdict(recipe)
    return {
        "arm": arm,
        "base_model": recipe.base_model,
        "parameters": model.count_parameters(),
        "routes": model.config.routes,
        "expert_layers": model.config.expert_layers,
        "data": [
            {"name": source.name, "task": source.task, "rows": len(data[source.name]), "licence": source.licence}
            for source in recipe.sources
        ],
        "settings": {
            key: values[key]
            for key in ("learning_rate", "expert_learning_rate", "warmup", "weight_decay", "dropout", "frozen", "tasks")
        },
        "steps": recipe.steps,
        "seed": recipe.seed,
        "hardware": _hardware(),
        "minutes": round(minutes, 1),
        "loss": losses,
    }


def _hardware() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} CPU threads"
