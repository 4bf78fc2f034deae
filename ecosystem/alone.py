"""A checkpoint in an environment that lacks this package, loaded with the code that lies beside its weights."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ecosystem.environments import ROOT, answer, environment
from ecosystem.rows import Row
from mote_demo.encoder import Encoder

VERSIONS: Mapping[str, tuple[str, ...]] = {
    "sentence-transformers 5.5": ("sentence-transformers==5.5.1", "transformers==5.0.0"),
    "sentence-transformers 5.7": ("sentence-transformers==5.7.0", "transformers==5.23.0"),
    "sentence-transformers 6.2": ("sentence-transformers==6.2.0", "transformers==5.24.0"),
}
"""What people have installed: an old pair that the ranges allow, the tested one, and a new one."""

TEXTS = ["The parcel never arrived.", "My order is lost.", "How do I train a dog to sit?", " ".join(["word"] * 400)]
_CLOSE = 1e-6

_SENTENCE = """
import importlib.util, json, sys, warnings
assert importlib.util.find_spec("mote_demo") is None
warnings.simplefilter("error", FutureWarning)
import sentence_transformers, transformers, torch
torch.set_num_threads(1)
model = sentence_transformers.SentenceTransformer(sys.argv[1], trust_remote_code=True, device="cpu")
texts = json.loads(sys.argv[2])
vectors = {route: model.encode(texts, task=route).tolist() for route in model[0].config.routes}
prompted = {route: model.encode(texts, prompt_name=route).tolist() for route in vectors}
try:
    model.encode(texts)
    refused = ""
except ValueError as error:
    refused = str(error)
packages = (sentence_transformers, transformers)
print(json.dumps({"vectors": vectors, "prompted": prompted, "refused": refused,
                  "version": ", ".join(f"{one.__name__} {one.__version__}" for one in packages)}))
"""

_TRANSFORMERS = """
import importlib.util, json, sys
assert importlib.util.find_spec("mote_demo") is None
import transformers, torch
torch.set_num_threads(1)
folder, texts = sys.argv[1], json.loads(sys.argv[2])
config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=True)
tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
model = transformers.AutoModel.from_pretrained(folder, trust_remote_code=True).eval()
vectors = {}
for name, route in config.routes.items():
    batch = tokenizer([route["instruction"] + text for text in texts], padding=True, truncation=True,
                      return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        vectors[name] = model(**batch, route=name).pooler_output.tolist()
print(json.dumps({"vectors": vectors, "version": f"transformers {transformers.__version__}"}))
"""


def without_the_package() -> Iterator[Row]:
    """Yield a row for each version, checkpoint and way of loading it."""
    for installed in VERSIONS.values():
        python = environment(installed)
        for name in ("mote", "baseline"):
            folder = str(ROOT / "checkpoints" / name)
            said = answer(python, _SENTENCE, folder, json.dumps(TEXTS))
            lacking = f"lists the routes: {said['refused'][:60]}" if "'clustering'" in said["refused"] else ""
            furthest = max(_furthest(name, said["vectors"]), _furthest(name, said["prompted"]))
            yield Row(
                f"SentenceTransformer({name!r}), by task and by prompt",
                said["version"],
                furthest <= _CLOSE and bool(lacking),
                f"vectors within {furthest:.1e} of the package's; without a route it {lacking or 'is silent'}",
            )
            said = answer(python, _TRANSFORMERS, folder, json.dumps(TEXTS))
            furthest = _furthest(name, said["vectors"])
            detail = f"vectors within {furthest:.1e} of the package's"
            yield Row(f"AutoModel, AutoConfig ({name!r})", said["version"], furthest <= _CLOSE, detail)


def _furthest(name: str, vectors: Mapping[str, Any]) -> float:
    """Return the largest difference, in any number of any route, to what the package computes."""
    encoder = Encoder.from_pretrained(ROOT / "checkpoints" / name)
    own = {route: encoder.encode(TEXTS, route=route) for route in encoder.routes}
    return max(float(np.abs(own[route] - np.array(vectors[route])).max()) for route in own)
