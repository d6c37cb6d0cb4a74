"""Entry point of ``python -m emotion_core``."""

import sys

from emotion_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
