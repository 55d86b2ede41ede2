"""The Chromium of this machine."""

import shutil

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
"""Where it is; None if there is none."""

OPTIONS = ["--no-sandbox"]
"""For root, who has no sandbox: the pages are our own."""
