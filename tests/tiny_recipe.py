"""A recipe and data so small that a training takes a second."""

import pandas as pd

SETTINGS = {"weight": 1, "batch_size": 4, "temperature": 0.1, "bonus": 0.3, "max_tokens": 16}


def write_data(folder):
    """Write questions with answers, labelled messages, and one labelled set to score on."""
    things = ["cat", "dog", "bird", "fish", "car", "train", "plane", "road", "city", "house", "river", "music"]
    pairs = pd.DataFrame({"query": [f"what is a {one}" for one in things], "positive": [f"a {one}" for one in things]})
    texts = [(f"the {one} is {mood}", mood) for one in things for mood in ("good", "bad")]
    messages = pd.DataFrame(texts, columns=["text", "label_text"])
    pairs.to_parquet(folder / "pairs.parquet")
    messages.to_parquet(folder / "messages.parquet")
    scored = folder / "dev" / "clustering" / "moods"
    scored.mkdir(parents=True)
    messages.assign(text="today " + messages["text"]).to_parquet(scored / "test.parquet")


def tiny_recipe(backbone):
    """Return a recipe of 12 steps, as plain values, whose clustering and sts experts get no data."""
    return {
        "backbone": backbone,
        "base_model": "someone/tiny",
        "seed": 0,
        "steps": 12,
        "learning_rate": 1e-3,
        "expert_learning_rate": 1e-2,
        "warmup": 0.1,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "dropout": 0.0,
        "frozen": ["embeddings"],
        "expert_layers": [1, 3],
        "save_every": 5,
        "arms": {
            "baseline": {"instructions": True, "expert_layers": []},
            "mote": {"instructions": True, "expert_layers": [1, 3]},
        },
        "tasks": {"retrieval": SETTINGS, "classification": SETTINGS},
        "sources": [
            {
                "name": "questions",
                "task": "retrieval",
                "shape": "pairs",
                "path": "pairs.parquet",
                "columns": {"anchor": "query", "positive": "positive"},
                "licence": "CC0",
            },
            {
                "name": "messages",
                "task": "classification",
                "shape": "labelled",
                "path": "messages.parquet",
                "columns": {"anchor": "text", "label": "label_text"},
                "licence": "CC BY 4.0",
            },
        ],
    }
