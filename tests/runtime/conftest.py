"""What several tests of the runtime share: one browser for all pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.runtime.browser import CHROMIUM, DRIVER, Browser, browser_window


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A window of chromium; tests open pages of their own in it."""
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("needs chromium and its driver: apt-get install chromium chromium-driver")
    with browser_window() as window:
        yield window
