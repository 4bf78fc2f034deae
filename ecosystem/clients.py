"""Exported routes in programs that know nothing of this package, nor of torch: fastembed and transformers.js."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ecosystem.alone import TEXTS
from ecosystem.environments import FOLDER, ROOT, answer, environment
from ecosystem.rows import Row
from mote_demo.encoder import Encoder
from mote_demo.model.exporting import FORMATS, export

_ROUTE = "query"
_FASTEMBED, _TRANSFORMERS_JS = "0.9.1", "4.3.2"
_LEAST = {"onnx": 0.99999, "onnx-int8": 0.97}
"""Format to the least cosine between its vectors and the exact ones."""
_LEAST_CUT = 0.95
"""The same of a text that is too long: transformers.js cuts off the token that ends it, too."""

_IN_PYTHON = """
import json, sys
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType
folder, file, size, texts = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
TextEmbedding.add_custom_model(model="mote/route", pooling=PoolingType.MEAN, normalization=True,
                               sources=ModelSource(hf="mote/route"), dim=size, model_file=file)
model = TextEmbedding("mote/route", specific_model_path=folder)
print(json.dumps({"vectors": [vector.tolist() for vector in model.embed(texts)]}))
"""
_IN_JAVASCRIPT = """
import { pipeline, env } from "@huggingface/transformers";
const [folder, name, dtype, texts] = process.argv.slice(2);
env.allowRemoteModels = false;
env.localModelPath = folder;
const encode = await pipeline("feature-extraction", name, { dtype });
const vectors = [];
for (const text of JSON.parse(texts)) {
  vectors.push((await encode([text], { pooling: "mean", normalize: true })).tolist()[0]);
}
console.log(JSON.stringify({ vectors }));
"""
_DTYPES = {"onnx": "fp32", "onnx-int8": "q8"}


def exported_clients() -> Iterator[Row]:
    """Yield a row for each client and format of a route that both can read."""
    own = Encoder.from_pretrained(ROOT / "checkpoints" / "mote").encode(TEXTS, route=_ROUTE)
    with tempfile.TemporaryDirectory() as aside:
        for form, least in _LEAST.items():
            folder = Path(aside) / form
            export(ROOT / "checkpoints" / "mote", _ROUTE, form, folder)
            told = json.dumps(TEXTS)
            python = environment([f"fastembed=={_FASTEMBED}"], torch=False)
            said = answer(python, _IN_PYTHON, str(folder), FORMATS[form][0], str(own.shape[1]), told)
            yield _row(form, f"fastembed {_FASTEMBED}", own, said["vectors"], least)
            vectors = _in_javascript([aside, form, _DTYPES[form], told])
            yield _row(form, f"transformers.js {_TRANSFORMERS_JS}", own, vectors, least)


def _row(form: str, version: str, own: np.ndarray, vectors: Sequence[Sequence[float]], least: float) -> Row:
    *whole, cut = (own * np.array(vectors)).sum(1).tolist()
    detail = f"cosine with the package's vectors {min(whole):.6f} at least; {cut:.6f} where a text is too long"
    return Row(f"the route {_ROUTE!r} as {form}", version, min(whole) >= least and cut >= _LEAST_CUT, detail)


def _in_javascript(arguments: Sequence[str]) -> list[list[float]]:
    """Run the script in Node.js, with transformers.js installed beside it."""
    if shutil.which("npm") is None:
        raise OSError("Node.js and npm are needed.")
    folder = FOLDER / f"transformers.js-{_TRANSFORMERS_JS}"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "node_modules").is_dir():
        package = f"@huggingface/transformers@{_TRANSFORMERS_JS}"
        # Its runtime would load libraries for GPUs from elsewhere.
        variables = {**os.environ, "ONNXRUNTIME_NODE_INSTALL": "skip", "ONNXRUNTIME_NODE_INSTALL_CUDA": "skip"}
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", package], cwd=folder, env=variables, check=True)
    script = folder / "encode.mjs"
    script.write_text(_IN_JAVASCRIPT, "utf-8")
    done = subprocess.run(["node", str(script), *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no output"])[-1])
    return json.loads(done.stdout.strip().splitlines()[-1])["vectors"]
