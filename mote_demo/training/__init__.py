"""Task-aware contrastive learning: recipes, data, the loss, the trainer, and growing one expert."""
