"""Small models of the sentence-transformers library, as somebody else would bring them along."""

from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Pooling, Transformer

PROMPTS = {"query": "search: ", "document": "", "clustering": "group: "}


def save_sentence_model(backbone, folder, prompts=None, *, width=None):
    """Write a model of a backbone with prompts of its own, and with ``width`` dimensions where it is not that of it."""
    modules = [Transformer(backbone, max_seq_length=16), Pooling(32)]
    modules += [Dense(32, width)] if width else []
    SentenceTransformer(modules=modules, prompts=prompts or {}, device="cpu").save(str(folder))
    return folder
