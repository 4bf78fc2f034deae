"""Build the folder that would be pushed to a Hugging Face Space, and check it.

Usage: python scripts/space.py [--out DIR] [--models OWNER/NAME] [--no-resolve] [--no-start]
"""

import argparse
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "space"
PUSHED = ("app.py", "README.md", "LICENSE", "pyproject.toml", "mote_demo/", "checkpoints/", "results/", "docs/")
"""What a Space needs: pyproject.toml tells the package that its checkpoints lie beside it."""
LFS = ("*.safetensors", "*.parquet", "*.png")
LARGEST = 10 * 2**20
"""Bytes of a file that the Hub takes without LFS."""
INSTEAD = {
    "torch": "torch==2.11.0",  # the newest that a Space with a lent GPU has
    "pydantic": "pydantic==2.12.5",  # the newest that gradio[mcp] takes, which a Space installs
    "pydantic_core": "pydantic_core==2.41.5",
    "setuptools": "setuptools==80.9.0",  # torch 2.11 takes none above 81
}
"""Versions that differ from ``constraints.txt`` on a Space."""
PYTHONS = ("3.10", "3.12")
TORCHES = ("2.8.0", "2.9.1", "2.10.0", "2.11.0")
MOST_MEMORY = 4_000
"""Megabytes at the start and the first answers; a Space has 16,000."""

PROBE = """
import json, os, resource, socket, sys, time
began, connect = time.perf_counter(), socket.socket.connect
def only_here(self, address):
    if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "localhost", "::1", "0.0.0.0"):
        raise OSError(f"no network: {address}")
    return connect(self, address)
socket.socket.connect = only_here
sys.path.insert(0, os.getcwd())
import app
from mote_demo.ui.app import launch_options
_, address, _ = app.demo.launch(prevent_thread_lock=True, quiet=True, **launch_options())
from gradio_client import Client
client, started = Client(address, verbose=False), time.perf_counter() - began
answer = client.predict("baseline/retrieval", "mote/retrieval", "samples", "charged twice", 3, api_name="/search")
answered = time.perf_counter() - began
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
print(json.dumps({"started": started, "answered": answered, "megabytes": memory}), flush=True)
os._exit(0)
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write (default: build/space)")
    parser.add_argument("--models", help="model repository of the Hub with the checkpoints, which are left out then")
    parser.add_argument("--no-resolve", action="store_true", help="do not ask a package index about the versions")
    parser.add_argument("--no-start", action="store_true", help="do not start the app")
    options = parser.parse_args()
    build(options.out, options.models)
    problems = [*large_files(options.out), *unpinned(options.out), *front_matter(options.out)]
    if not options.no_resolve:
        problems += resolved(options.out)
    if not options.no_start:
        problems += started(options.out)
    size = sum(file.stat().st_size for file in options.out.rglob("*") if file.is_file())
    print(f"{options.out}: {size / 1e6:,.0f} MB")
    for problem in problems:
        print(f"PROBLEM: {problem}")
    sys.exit(1 if problems else 0)


def build(out: Path, models: str | None = None) -> None:
    """Write the folder: what is tracked and pushed, with exact versions, LFS, and where the checkpoints lie."""
    shutil.rmtree(out, ignore_errors=True)
    left_out = ("checkpoints/",) if models else ()
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in listed.splitlines():
        if name.startswith(PUSHED) and not name.startswith(left_out) and (ROOT / name).is_file():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, out / name)
    (out / "requirements.txt").write_text("\n".join(pinned()) + "\n", "utf-8")
    attributes = "\n".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text" for pattern in LFS)
    (out / ".gitattributes").write_text(f"{attributes}\n", "utf-8")
    if models:
        readme, app = out / "README.md", out / "app.py"
        front = f"models:\n  - {models}\npreload_from_hub:\n  - {models}\n---\n"
        text = readme.read_text("utf-8").split("---\n", 2)
        readme.write_text(f"---\n{text[1]}{front}{text[2]}", "utf-8")
        docstring, rest = app.read_text("utf-8").split("\n", 1)
        setting = f'import os\n\nos.environ.setdefault("MOTE_HUB_MODELS", "{models}")\n'
        app.write_text(f"{docstring}\n\n{setting}{rest}", "utf-8")


def pinned() -> list[str]:
    """Return one line for each version of every package that ``requirements.txt`` brings in."""
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    wanted = closure(name_of(line) for line in lines if line and not line.startswith("#"))
    pins: dict[str, list[str]] = {}
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        if "==" in line:
            pins.setdefault(canonical(name_of(line)), []).append(line)
    pins |= {canonical(name): [line] for name, line in INSTEAD.items()}
    return sorted((line for name in wanted for line in pins.get(name, [])), key=str.lower)


def closure(names: Iterable[str]) -> set[str]:
    """Return the packages and all that they need here, by what is installed."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = canonical(waiting.pop())
        if name in found:
            continue
        found.add(name)
        try:
            needed = requires(name) or []
        except PackageNotFoundError:
            continue  # for another Python or system
        waiting += [name_of(line) for line in needed if "extra ==" not in line]
    return found


def name_of(requirement: str) -> str:
    """Return the name at the front of a requirement."""
    return re.match(r"[\w.-]+", requirement).group()


def canonical(name: str) -> str:
    """Return the name as an index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def large_files(out: Path) -> Iterator[str]:
    """Yield a problem for each file that a push would refuse."""
    for file in sorted(out.rglob("*")):
        tracked = any(fnmatch.fnmatch(file.name, pattern) for pattern in LFS)
        if file.is_file() and file.stat().st_size > LARGEST and not tracked:
            size = file.stat().st_size / 2**20
            yield f"{file.relative_to(out)} has {size:.0f} MiB, and .gitattributes does not track it"


def unpinned(out: Path) -> Iterator[str]:
    """Yield a problem for each requirement that has no exact version."""
    pins = (out / "requirements.txt").read_text("utf-8").splitlines()
    exact = {canonical(name_of(line)) for line in pins if "==" in line}
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#") and canonical(name_of(line)) not in exact:
            yield f"{name_of(line)} has no exact version in constraints.txt"


def front_matter(out: Path) -> Iterator[str]:
    """Yield what the page of the Space would refuse, or install in another version than was tested."""
    front = yaml.safe_load((out / "README.md").read_text("utf-8").split("---\n", 2)[1])
    pins = (out / "requirements.txt").read_text("utf-8").splitlines()
    if f"gradio=={front['sdk_version']}" not in pins:
        yield f"README.md asks for Gradio {front['sdk_version']}, requirements.txt for another"
    if str(front["python_version"]) not in PYTHONS:
        yield f"README.md asks for Python {front['python_version']}, and {' and '.join(PYTHONS)} are checked"
    if len(front["short_description"]) > 60:
        yield "short_description has more than 60 characters"
    if not (out / front["app_file"]).is_file():
        yield f"there is no {front['app_file']}"
    if not (front.get("models") or (out / "checkpoints" / "mote" / "config.json").is_file()):
        yield "there are no checkpoints, and README.md names no models"


def resolved(out: Path) -> Iterator[str]:
    """Yield a problem for each Python and torch with which the requirements of the Space contradict each other."""
    lines = (out / "requirements.txt").read_text("utf-8").splitlines()
    (gradio,) = (line.partition("==")[2] for line in lines if line.startswith("gradio=="))
    extras = [f"gradio[oauth,mcp]=={gradio}", "spaces", "uvicorn>=0.14.0", "websockets>=10.4"]  # as a Space installs
    for python in PYTHONS:
        for torch in TORCHES:
            wanted = [f"torch=={torch}" if line.startswith("torch==") else line for line in lines]
            said = resolve([*wanted, *extras], python)
            print(f"Python {python}, torch {torch}: {said or 'resolves'}", flush=True)
            if said:
                yield f"Python {python}, torch {torch}: {said}"


def resolve(wanted: list[str], python: str) -> str:
    """Return why the requirements cannot be installed together on a Python, "" where they can."""
    given = ["uv", "pip", "compile", "-q", "--no-header", "--python-version", python, "--python-platform", "linux", "-"]
    if shutil.which("uv") is None:
        given = [sys.executable, "-m", "uv", *given[1:]]
    done = subprocess.run(given, input="\n".join(wanted), capture_output=True, text=True, cwd=ROOT)
    return "" if done.returncode == 0 else " ".join(done.stderr.split())[-400:]


def started(out: Path) -> Iterator[str]:
    """Yield what goes wrong where the folder is started on two cores, without a network."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("MOTE_", "GRADIO_"))}
    here = {"HF_HUB_OFFLINE": "1", "GRADIO_ANALYTICS_ENABLED": "False", "OMP_NUM_THREADS": "2", "PYTHONSAFEPATH": "1"}
    cores = ["taskset", "-c", "0,1"] if shutil.which("taskset") else []
    cache = out.with_name("space-cache")
    shutil.rmtree(cache, ignore_errors=True)
    done = subprocess.run(
        [*cores, sys.executable, "-c", PROBE],
        cwd=out,
        env={**known, **here, "MOTE_CACHE": str(cache)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        yield f"the app does not start: {(done.stderr.strip().splitlines() or ['nothing was said'])[-1]}"
        return
    told = json.loads(done.stdout.strip().splitlines()[-1])
    print("Started after {started:.0f} s, answered after {answered:.0f} s, {megabytes} MB at most".format(**told))
    if told["megabytes"] > MOST_MEMORY:
        yield f"it takes {told['megabytes']} MB, more than {MOST_MEMORY}"


if __name__ == "__main__":
    main()
