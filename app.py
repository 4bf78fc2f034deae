"""Entry of the app, here and on Hugging Face Spaces."""

from mote_demo.ui.app import launch_options, open_app

demo = open_app()

if __name__ == "__main__":
    demo.launch(**launch_options())
