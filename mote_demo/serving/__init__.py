"""What a running app holds: models, texts and visitors."""
