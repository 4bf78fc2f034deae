"""What a running app answers over plain HTTP, beside its page and Gradio's own endpoints."""
