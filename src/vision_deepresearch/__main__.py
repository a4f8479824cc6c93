"""Lets `python -m vision_deepresearch` stand for `vdr`."""

from vision_deepresearch.cli.main import main

if __name__ == "__main__":
    main()
