"""Train the arms of a recipe with the sentence-transformers trainer."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch.utils.data import BatchSampler, ConcatDataset, RandomSampler
from transformers import PreTrainedTokenizerBase, PrinterCallback, TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME

from mote_demo.errors import UserError, unknown_choice
from mote_demo.files import replacing
from mote_demo.model import MoteModel
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.model.sentence import MoteTransformer
from mote_demo.runtime.bfloat16 import bfloat16_pays
from mote_demo.tasks import TASKS
from mote_demo.training.arm_model import build_arm, expert_pattern, pull_back
from mote_demo.training.callbacks import Clock, Narrator
from mote_demo.training.digest import data_digest, digest, settings_text
from mote_demo.training.lesson import Lesson
from mote_demo.training.losses import TaskContrastiveLoss
from mote_demo.training.processes import add_gradients, count, is_main
from mote_demo.training.recipe import Recipe, TaskSettings
from mote_demo.training.sampler import TopicBatchSampler, WeightedBatchSampler, source_weights
from mote_demo.training.sources import Say


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
    _claim(work, f"{settings_text(recipe, arm)}{rows}\n")
    torch.manual_seed(recipe.seed)
    start = recipe.arms[arm].start
    if start and not is_trained(recipe, start, out):
        train_arm(recipe, start, data, lessons, out=out, work=work.parent, say=say)
    say(f"{arm}: {sum(map(len, data.values()))} pairs from {len(data)} sources, {recipe.steps_of(arm)} steps")
    model, tokenizer = build_arm(recipe, arm, Path(out) / start if start else None)
    clock = Clock(work / "minutes.json")
    trainer = _trainer(recipe, arm, model, tokenizer, data, lessons, work)
    say = say if is_main() else _silent
    trainer.remove_callback(PrinterCallback)  # it would say everything a second time
    for callback in (Narrator(say), clock):
        trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=_last_state(work))
    losses = [{"step": entry["step"], "loss": entry["loss"]} for entry in trainer.state.log_history if "loss" in entry]
    facts = _facts(recipe, arm, model, data, clock.minutes(), losses) | {"data_digest": rows}
    folder = Path(out) / arm
    extra = {"training.json": facts}
    model = pull_back(recipe, arm, model)
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    if is_main():
        save_checkpoint(model, tokenizer.backend_tokenizer, folder, frozen=frozen, extra=extra)
    trainer.accelerator.wait_for_everyone()
    say(f"{arm}: saved to {folder} after {facts['minutes']} minutes")
    return facts


def is_trained(recipe: Recipe, arm: str, out: str | Path) -> bool:
    """Tell whether ``out`` has a checkpoint of the arm; one of other settings is a ``UserError``."""
    file = Path(out) / arm / "training.json"
    if not file.is_file():
        return False
    if json.loads(file.read_text(encoding="utf-8")).get("recipe") != digest(recipe, arm):
        raise UserError(f"{file.parent} was trained with other settings. Please remove it, or choose another folder.")
    return True


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
    """Return the folder of the last complete state; one whose writing was interrupted has no trainer state yet."""
    states = [file.parent for file in work.glob(f"checkpoint-*/{TRAINER_STATE_NAME}")]
    return str(max(states, key=lambda folder: int(folder.name.split("-")[1]))) if states else None


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
        size = min(settings.batch_size, len(dataset) - len(dataset) % count())
        if settings.one_topic:
            return TopicBatchSampler(self._lessons[name].anchors().numpy(), size, seed=seed)
        generator = torch.Generator().manual_seed(seed)
        return DefaultBatchSampler(RandomSampler(dataset, generator=generator), batch_size=size, drop_last=True)

    def create_accelerator_and_postprocess(self) -> None:
        """Keep accelerate from cutting batches and averaging gradients: both are done here (see ``processes``)."""
        super().create_accelerator_and_postprocess()
        if count() > 1:
            self.accelerator.prepare_model = partial(self.accelerator.prepare_model, evaluation_mode=True)
            self.accelerator.prepare_data_loader = _as_it_is

    def training_step(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return the loss of the batch, when the gradients of all processes are added."""
        loss = super().training_step(*args, **kwargs)
        add_gradients(self.model.parameters())
        return loss

    def get_multi_dataset_batch_sampler(
        self, dataset: ConcatDataset, batch_samplers: list[BatchSampler], **kwargs: Any
    ) -> BatchSampler:
        """Return the weighted sequence of batches for all steps."""
        return WeightedBatchSampler(dataset, batch_samplers, self._weights, self.args.max_steps, self.args.seed)

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leave the trainer's own model card out: ours is written from measured files."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        self.model.save(output_dir or self.args.output_dir, create_model_card=False)


class _TaskRate(TrainerCallback):
    """Scale the learning rate of one step; the scheduler sets it anew before the next."""

    def __init__(self, trainer: TaskAwareTrainer) -> None:
        self.trainer = trainer

    def on_pre_optimizer_step(self, *_: Any, optimizer: torch.optim.Optimizer, **__: Any) -> None:
        for group in optimizer.param_groups:
            group["lr"] *= self.trainer.learning_rate_factor


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
    _check_processes(arguments, settings, data)
    return TaskAwareTrainer(
        model=sentence,
        args=arguments,
        train_dataset=DatasetDict({name: _numbered(part) for name, part in data.items()}),
        loss=losses,
        settings={name: settings[task] for name, task in tasks.items()},
        lessons=lessons,
        weights=weights,
    )


def _check_processes(
    arguments: SentenceTransformerTrainingArguments, settings: Mapping[str, TaskSettings], data: DatasetDict
) -> None:
    """Refuse what would train another model on several devices than on one."""
    if arguments.n_gpu > 1:
        raise UserError(
            "A process trains on one device. Please choose it, as by CUDA_VISIBLE_DEVICES=0, or start one process for "
            f"each: torchrun --nproc_per_node {arguments.n_gpu} -m mote_demo train RECIPE."
        )
    processes = arguments.world_size
    for name, task in settings.items():
        if task.batch_size % processes:
            raise UserError(
                f"The batch_size of {name} is {task.batch_size}, which {processes} processes cannot share evenly. "
                "Please choose another batch_size, or another number of processes."
            )
    for name, part in data.items():
        if len(part) < processes:
            raise UserError(f"The source {name!r} has {len(part)} rows, fewer than {processes} processes.")


def _as_it_is(loader: Any, *_: Any, **__: Any) -> Any:  # noqa: ANN401 - a loader of torch
    return loader


def _silent(line: str) -> None:
    del line


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
        learning_rate_mapping={expert_pattern(recipe, arm, model): recipe.expert_rate(arm)},
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
            | ({"hub": source.hub["path"]} if source.hub else {})
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
    one = torch.cuda.get_device_name() if torch.cuda.is_available() else _threads(torch.get_num_threads())
    return one if count() == 1 else f"{count()} processes, {one} each"


def _threads(number: int) -> str:
    return "1 CPU thread" if number == 1 else f"{number} CPU threads"
