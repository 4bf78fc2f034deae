"""Large sources, clusters, databases, other runtimes and several processes: the slow tests of these, each a row."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from xml.etree import ElementTree

from ecosystem.rows import Row

ROOT = Path(__file__).parent.parent
_ROWS = 1_000_000
_GROWTH = 1.1
"""How much larger the memory may be at the end of a run than after a tenth of it."""

_FLAT = """
import re, sys
from pathlib import Path
import psutil, pyarrow as pa, pyarrow.parquet as pq, torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from mote_demo.bulk.embed import Job, embed
from mote_demo.bulk.source import Source
from mote_demo.model import upcycle
from mote_demo.model.checkpoint import save_checkpoint
from mote_demo.tasks import ROUTES

folder, rows, step = Path(sys.argv[1]), int(sys.argv[2]), 500_000
words = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cat", "dog", *"0123456789"])}
tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 2), ("[SEP]", 3)])
config = BertConfig(vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                    intermediate_size=64, max_position_embeddings=64)
BertModel(config).save_pretrained(folder / "backbone")
PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]").save_pretrained(
    folder / "backbone")
save_checkpoint(upcycle(str(folder / "backbone"), ROUTES, max_tokens=32), tokenizer, folder / "model")
with pq.ParquetWriter(folder / "texts.parquet", pa.schema([("text", pa.string())])) as writer:
    for start in range(0, rows, step):
        writer.write_table(pa.table({"text": [f"cat {row}" for row in range(start, min(start + step, rows))]}))
seen, own = [], psutil.Process()

def say(line):
    match = re.match(r"([\\d,]+) of [\\d,]+ rows, ", line)
    if match:
        seen.append((int(match[1].replace(",", "")), own.memory_info().rss))

job = Job(Source(folder / "texts.parquet", "text"), folder / "out", str(folder / "model"), "document", dtype="float16")
done = embed(job, say=say)
early = next(size for row, size in seen if row >= rows / 10)
print(done.rows, early, max(size for _, size in seen), own.memory_info().rss, done.rows / done.seconds)
"""


def ray_cluster() -> Iterator[Row]:
    """Write vectors on a real Ray cluster of three nodes, one worker of which is killed."""
    yield from _tests(["tests/test_cluster.py"], ["ray"])


def stored_indexes() -> Iterator[Row]:
    """Search a real Milvus Lite file and a FAISS file, also in the app."""
    yield from _tests(["tests/test_stored_index.py"], ["pymilvus", "milvus-lite", "faiss-cpu"])


def exported_routes() -> Iterator[Row]:
    """Run exported routes in ONNX Runtime and OpenVINO."""
    yield from _tests(["tests/test_exporting.py"], ["onnxruntime", "openvino"])


def two_processes() -> Iterator[Row]:
    """Train with two real processes."""
    yield from _tests(["tests/test_processes.py"], ["torch", "accelerate"])


def flat_memory(rows: int = _ROWS) -> Iterator[Row]:
    """Embed a million short texts with a small random model, and watch the memory."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _FLAT, folder, str(rows)]
        done = subprocess.run(command, cwd=ROOT, env=_variables(), capture_output=True, text=True)
    if done.returncode:
        yield Row(f"{rows:,} short texts", _versions(["pyarrow"]), False, done.stderr.strip()[-300:])
        return
    count, early, most, end, rate = map(float, done.stdout.split()[-5:])
    detail = (
        f"{count:,.0f} rows at {rate:,.0f} rows/s; {early / 1e6:,.0f} MB in memory after a tenth of them, "
        f"at most {most / 1e6:,.0f} MB from then on, {end / 1e6:,.0f} MB at the end"
    )
    yield Row(f"{rows:,} short texts", _versions(["pyarrow"]), count == rows and most <= _GROWTH * early, detail)


def _tests(files: Sequence[str], packages: Sequence[str]) -> Iterator[Row]:
    """Run the slow tests of some files and yield a row for each; one that was skipped did not work."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-m", "slow", f"--junitxml={report}", *files]
        done = subprocess.run(command, cwd=ROOT, env=_variables(), capture_output=True, text=True)
        if not report.is_file():
            raise OSError(f"pytest wrote no report: {done.stdout[-300:]}")
        cases = list(ElementTree.parse(report).iter("testcase"))
    for case in cases:
        name = case.attrib["name"].removeprefix("test_").replace("_", " ")
        faults = [child for child in case if child.tag in ("failure", "error", "skipped")]
        detail = f"{float(case.attrib['time']):.0f} s" if not faults else faults[0].attrib.get("message", "")[:300]
        yield Row(name, _versions(packages), not faults, detail)


def _versions(packages: Sequence[str]) -> str:
    return ", ".join(f"{name} {_version(name)}" for name in packages)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def _variables() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
