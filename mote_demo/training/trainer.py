"""Train the arms of a recipe with the sentence-transformers trainer."""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch.utils.data import BatchSampler, ConcatDataset, RandomSampler
from transformers import (
    AutoModel,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    TrainerCallback,
)
from transformers.trainer import TRAINER_STATE_NAME

from mote_demo.errors import UserError, unknown_choice
from mote_demo.files import replacing
from mote_demo.model import MoteModel, upcycle
from mote_demo.model.backbones import backbone_path, find_backbone
from mote_demo.model.checkpoint import load_model, local_folder, save_checkpoint
from mote_demo.model.experts import expert_paths
from mote_demo.model.merging import part_way
from mote_demo.model.sentence import MoteTransformer
from mote_demo.model.sentence_files import SentenceFiles
from mote_demo.runtime.bfloat16 import bfloat16_pays
from mote_demo.tasks import ROUTES, TASKS, Route
from mote_demo.training.lesson import Lesson, sides_of
from mote_demo.training.losses import TaskContrastiveLoss
from mote_demo.training.recipe import Recipe, TaskSettings
from mote_demo.training.sampler import TopicBatchSampler, WeightedBatchSampler, source_weights
from mote_demo.training.sources import Say
from mote_demo.training.teacher import Teacher


def train_arm(
    recipe: Recipe,
    arm: str,
    data: DatasetDict,
    lessons: Mapping[str, Lesson],
    *,
    out: str | Path,
    work: str | Path,
    say: Say,
) -> dict[str, Any]:
    """Train one arm and write its checkpoint to ``out/arm``.

    A run that was stopped continues from the last state under ``work/arm``; the state of a run with
    other settings is a ``UserError``. The arm that it starts from is trained first, unless ``out`` has it.

    Args:
        recipe: see ``load_recipe``.
        arm: name of one of ``recipe.arms``.
        data: what ``load_sources`` read for this recipe.
        lessons: what ``read_lessons`` made of it.
        out: folder of the checkpoints.
        work: folder for the states of the run.
        say: called with a line whenever something happens.

    Returns:
        Facts for the model card: settings, data, steps, minutes, losses.
    """
    if arm not in recipe.arms:
        raise unknown_choice("arm", arm, recipe.arms)
    work = Path(work) / arm
    rows = data_digest(data)
    _claim(work, f"{_settings(recipe, arm)}{rows}\n")
    torch.manual_seed(recipe.seed)
    start = recipe.arms[arm].start
    if start and not is_trained(recipe, start, out):
        train_arm(recipe, start, data, lessons, out=out, work=work.parent, say=say)
    say(f"{arm}: {sum(map(len, data.values()))} pairs from {len(data)} sources, {recipe.steps_of(arm)} steps")
    model, tokenizer = build_arm(recipe, arm, Path(out) / start if start else None)
    clock = _Clock(work / "minutes.json")
    trainer = _trainer(recipe, arm, model, tokenizer, data, lessons, work)
    trainer.remove_callback(PrinterCallback)  # it would say everything a second time
    for callback in (_Narrator(say), clock):
        trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=_last_state(work))
    losses = [{"step": entry["step"], "loss": entry["loss"]} for entry in trainer.state.log_history if "loss" in entry]
    facts = _facts(recipe, arm, model, data, clock.minutes(), losses) | {"data_digest": rows}
    folder = Path(out) / arm
    extra = {"training.json": facts}
    model = _kept(recipe, arm, model)
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    save_checkpoint(model, tokenizer.backend_tokenizer, folder, frozen=frozen, extra=extra)
    say(f"{arm}: saved to {folder} after {facts['minutes']} minutes")
    return facts


def _kept(recipe: Recipe, arm: str, model: MoteModel) -> MoteModel:
    """Return the trained model, its MLPs as far from the backbone's as the arm says."""
    shares = recipe.arms[arm].keep
    if not shares:
        return model
    trained = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    start, _ = build_arm(replace(recipe, arms={arm: replace(recipe.arms[arm], expert_layers=())}), arm)
    kept = part_way(model, start, shares, recipe.trained_layers(arm))
    for name, parameter in kept.named_parameters():
        parameter.requires_grad_(trained[name])
    return kept


def is_trained(recipe: Recipe, arm: str, out: str | Path) -> bool:
    """Tell whether ``out`` has a checkpoint of the arm; one of other settings is a ``UserError``."""
    file = Path(out) / arm / "training.json"
    if not file.is_file():
        return False
    if json.loads(file.read_text(encoding="utf-8")).get("recipe") != digest(recipe, arm):
        raise UserError(f"{file.parent} was trained with other settings. Please remove it, or choose another folder.")
    return True


def read_lessons(recipe: Recipe, data: DatasetDict, *, folder: Path, say: Say) -> dict[str, Lesson]:
    """Return what the teachers and the labels say of every source; vectors of teachers are kept in ``folder``."""
    limit = max(task.max_tokens for task in recipe.tasks.values())
    teachers = {
        Teacher(model, max_tokens=limit, folder=folder): share for model, share in recipe.teachers.items() if share
    }
    lessons = {}
    for name, part in data.items():
        rows = part.to_pandas()
        texts = sorted({text for side in sides_of(rows) for text in rows[side]})
        # The product of two such vectors is the mean of the teachers' cosines.
        vectors = [share**0.5 * teacher.vectors(texts, say) for teacher, share in teachers.items()]
        lessons[name] = Lesson.of(rows, texts, torch.from_numpy(np.concatenate(vectors, axis=1)))
    return lessons


def digest(recipe: Recipe, arm: str) -> str:
    """Return a hash of all that decides the training of an arm; equal trainings have equal hashes."""
    return hashlib.sha256(_settings(recipe, arm).encode()).hexdigest()[:16]


def _settings(recipe: Recipe, arm: str) -> str:
    values = asdict(recipe)
    values["arms"] = _arm_settings(values["arms"], arm)
    for aside in ("seeds", "save_every"):
        del values[aside]
    return json.dumps(values, indent=2) + "\n"


def _arm_settings(arms: Mapping[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """Return what decides the training of an arm, that of the arm it starts from included."""
    # What an arm leaves to the recipe is said there.
    values = {key: value for key, value in arms[name].items() if key not in ("seeds", "title") and value is not None}
    return values | {"start": _arm_settings(arms, values["start"])} if values["start"] else values


def data_digest(data: DatasetDict) -> str:
    """Return a hash of the training rows: those that a recipe gives depend on the files and on what is scored."""
    digest = hashlib.sha256()
    for name, part in data.items():
        digest.update(name.encode())
        digest.update(pd.util.hash_pandas_object(part.to_pandas(), index=False).to_numpy().tobytes())
    return digest.hexdigest()[:16]


def _claim(work: Path, settings: str) -> None:
    """Note the settings and data of the run in ``work``, or refuse it where those of another run are noted."""
    file = work / "run.txt"
    if file.is_file() and file.read_text(encoding="utf-8") != settings:
        raise UserError(
            f"{work} holds a run with other settings or data. Please remove it, or choose another --work folder."
        )
    with replacing(file) as temporary:
        temporary.write_text(settings, encoding="utf-8")


def _last_state(work: Path) -> str | None:
    """Return the folder of the last complete state; one whose writing was cut short has no trainer state yet."""
    states = [file.parent for file in work.glob(f"checkpoint-*/{TRAINER_STATE_NAME}")]
    return str(max(states, key=lambda folder: int(folder.name.split("-")[1]))) if states else None


def build_arm(recipe: Recipe, name: str, start: Path | None = None) -> tuple[MoteModel, PreTrainedTokenizerBase]:
    """Upcycle the backbone into the untrained model of the arm ``name``, with its frozen weights frozen.

    ``start`` is the checkpoint of the arm that it starts from; None starts from the backbone.
    """
    arm = recipe.arms[name]
    backbone, files = _load_backbone(recipe)
    tokenizer = AutoTokenizer.from_pretrained(backbone.name_or_path)
    if start is not None:
        backbone = load_model(start).backbone
    for key, value in backbone.config.to_dict().items():
        if "dropout" in key and isinstance(value, float):
            setattr(backbone.config, key, recipe.dropout)
    routes = {
        key: Route(arm.experts.get(key, route.expert), route.instruction * arm.instructions)
        for key, route in ROUTES.items()
    }
    model = upcycle(
        backbone, routes, expert_layers=arm.expert_layers, pooling=files.pooling, max_tokens=files.max_tokens
    )
    experts = re.compile(_expert_pattern(recipe, name, model))
    for key, parameter in model.named_parameters():
        rate = recipe.expert_rate(name) if experts.search(key) else recipe.learning_rate
        parameter.requires_grad_(rate > 0 and not any(part in key for part in recipe.frozen))
    return model, tokenizer


def _expert_pattern(recipe: Recipe, arm: str, model: MoteModel) -> str:
    """Return a pattern for the names of the parameters that learn at the expert rate."""
    spec = find_backbone(model.config.backbone_config.model_type)
    paths = expert_paths(spec.blocks, spec.mlp, recipe.trained_layers(arm))
    return rf"\.({'|'.join(map(re.escape, paths))})\."


def _load_backbone(recipe: Recipe) -> tuple[PreTrainedModel, SentenceFiles]:
    folder = local_folder(backbone_path(recipe.backbone))
    try:
        return AutoModel.from_pretrained(folder), SentenceFiles.read(folder)
    except OSError as error:
        raise UserError(f"Cannot load the backbone {recipe.backbone!r}: {error}") from error


class TaskAwareTrainer(SentenceTransformerTrainer):
    """Give each data set the batch size of its task, and draw the data sets by weight."""

    def __init__(
        self,
        *args: Any,
        settings: Mapping[str, TaskSettings],
        lessons: Mapping[str, Lesson],
        weights: list[float],
        **kwargs: Any,
    ) -> None:
        """Take the settings and the lesson of each data set by its name, and the share of the steps of each."""
        self._settings = settings
        self._lessons = lessons
        self._weights = weights
        self._factor = 1.0
        super().__init__(*args, **kwargs)
        self.add_callback(_TaskRate(self))

    @property
    def learning_rate_factor(self) -> float:
        """Return the factor of the task whose batch was computed last."""
        return self._factor

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return the loss of the batch, and note its task's factor on the learning rate."""
        self._factor = self._settings[inputs["dataset_name"]].learning_rate_factor
        return super().compute_loss(model, inputs, *args, **kwargs)

    def get_batch_sampler(self, dataset: Dataset, *args: Any, **kwargs: Any) -> BatchSampler:
        """Return shuffled batches of the size that the data set's task asks for, or of all rows if these are fewer."""
        name = next(name for name, part in self.train_dataset.items() if part is dataset)
        settings, seed = self._settings[name], self.args.seed + len(name)
        size = min(settings.batch_size, len(dataset))
        if settings.one_topic:
            return TopicBatchSampler(self._lessons[name].anchors().numpy(), size, seed=seed)
        generator = torch.Generator().manual_seed(seed)
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


class _TaskRate(TrainerCallback):
    """Scale the learning rate of one step; the scheduler sets it anew before the next."""

    def __init__(self, trainer: TaskAwareTrainer) -> None:
        self.trainer = trainer

    def on_pre_optimizer_step(self, *_: Any, optimizer: torch.optim.Optimizer, **__: Any) -> None:
        for group in optimizer.param_groups:
            group["lr"] *= self.trainer.learning_rate_factor


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
    recipe: Recipe,
    arm: str,
    model: MoteModel,
    tokenizer: PreTrainedTokenizerBase,
    data: DatasetDict,
    lessons: Mapping[str, Lesson],
    work: Path,
) -> TaskAwareTrainer:
    tasks = {source.name: source.task for source in recipe.sources}
    settings = recipe.settings(arm)
    limits = {route: task.max_tokens for name, task in settings.items() for route in TASKS[name].routes}
    if not torch.cuda.is_available():
        # The backward pass of torch's fused attention takes longer on a CPU than all else.
        model.set_attn_implementation("eager")
    sentence = SentenceTransformer(modules=[MoteTransformer(model, tokenizer, limits)])
    losses = {
        name: TaskContrastiveLoss(
            sentence,
            settings[task],
            lessons[name],
            chunk_tokens=recipe.chunk_tokens,
            recompute=recipe.recompute,
        )
        for name, task in tasks.items()
    }
    weights = source_weights(
        {name: len(part) for name, part in data.items()},
        {source.name: source.weight for source in recipe.sources},
        tasks,
        {name: task.weight for name, task in settings.items()},
    )
    arguments = _arguments(recipe, arm, model, data, work)
    if max(arguments.world_size, arguments.n_gpu) > 1:
        # Each would take a batch of another task, and scale its step by the rate of that task alone.
        raise UserError("Training runs on one device. Please choose it, as by CUDA_VISIBLE_DEVICES=0.")
    return TaskAwareTrainer(
        model=sentence,
        args=arguments,
        train_dataset=DatasetDict({name: _numbered(part) for name, part in data.items()}),
        loss=losses,
        settings={name: settings[task] for name, task in tasks.items()},
        lessons=lessons,
        weights=weights,
    )


def _numbered(part: Dataset) -> Dataset:
    """Put the number of each row in place of its label: the loss looks up what is known of a row."""
    return part.remove_columns("label").add_column("label", list(range(len(part))))


def _arguments(
    recipe: Recipe, arm: str, model: MoteModel, data: DatasetDict, work: Path
) -> SentenceTransformerTrainingArguments:
    routes = {source.name: TASKS[source.task].routes for source in recipe.sources}
    cuda = torch.cuda.is_available()
    return SentenceTransformerTrainingArguments(
        output_dir=str(work),
        max_steps=recipe.steps_of(arm),
        per_device_train_batch_size=max(task.batch_size for task in recipe.tasks.values()),
        learning_rate=recipe.learning_rate,
        learning_rate_mapping={_expert_pattern(recipe, arm, model): recipe.expert_rate(arm)},
        lr_scheduler_type="cosine",
        warmup_steps=int(recipe.warmup * recipe.steps_of(arm)),
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        seed=recipe.seed,
        bf16=bfloat16_pays(),
        use_cpu=not cuda,
        router_mapping={
            name: {column: sides[0 if column == "anchor" else -1] for column in part.column_names if column != "label"}
            for (name, part), sides in zip(data.items(), routes.values(), strict=True)
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
    values, start = asdict(recipe), recipe.arms[arm].start
    return {
        "arm": arm,
        "recipe": digest(recipe, arm),
        "base_model": recipe.base_model,
        "teachers": recipe.teachers,
        "parameters": model.count_parameters(),
        "routes": model.config.routes,
        "expert_layers": model.config.expert_layers,
        "data": [
            {"name": source.name, "task": source.task, "rows": len(data[source.name]), "licence": source.licence}
            for source in recipe.sources
        ],
        "settings": {key: values[key] for key in ("learning_rate", "warmup", "weight_decay", "dropout", "frozen")}
        | {"expert_learning_rate": recipe.expert_rate(arm), "keep": dict(recipe.arms[arm].keep)}
        | {"tasks": {name: asdict(task) for name, task in recipe.settings(arm).items()}},
        "steps": recipe.steps_of(arm),
        "start": start and {"arm": start, "steps": recipe.steps_of(start)},
        "seed": recipe.seed,
        "hardware": _hardware(),
        "minutes": round(minutes, 1),
        "loss": losses,
    }


def _hardware() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else _threads(torch.get_num_threads())


def _threads(number: int) -> str:
    return "1 CPU thread" if number == 1 else f"{number} CPU threads"
