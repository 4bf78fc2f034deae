"""See, measure and use Mixture of Task Experts (MoTE) embeddings."""

__version__ = "0.1.0"
