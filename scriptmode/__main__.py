"""``python -m scriptmode``."""

import sys

from scriptmode.cli import main

sys.exit(main())
