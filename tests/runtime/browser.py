"""Debian's chromium, driven without a screen, and what tests ask of the pages in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


class Browser:
    """A window of chromium with one page in it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    def open(
        self, page: Path, *, width: int = 1400, height: int = 1000, dark: bool = False
    ) -> None:
        """Open a page from disk in a window of that size, in the light or in the dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self._driver.get_log("browser")  # what other pages complained of
        self._driver.get(page.as_uri())

    def ask(self, script: str, *arguments: Any) -> Any:
        """Return what a piece of JavaScript returns."""
        return self._driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements that a selector means."""
        return self._driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """Return the only element that a selector means, which may still be on its way."""
        WebDriverWait(self._driver, 10).until(lambda _: len(self.all(selector)) == 1)
        return self.all(selector)[0]

    def texts(self, selector: str) -> list[str]:
        """Return the texts of the elements that a selector means, shown or not."""
        return self.ask(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)", selector
        )

    @property
    def focused(self) -> WebElement:
        """The element that has the keyboard."""
        return self._driver.switch_to.active_element

    @property
    def complaints(self) -> list[str]:
        """What the page has put on the console: errors of scripts, and what the policy forbade."""
        return [entry["message"] for entry in self._driver.get_log("browser")]

    @property
    def requests(self) -> list[str]:
        """The addresses that the page has asked for, beside itself."""
        return self.ask("return performance.getEntriesByType('resource').map(e => e.name)")

    @property
    def is_too_wide(self) -> bool:
        """Whether the page must be scrolled sideways."""
        return self.ask("return document.documentElement.scrollWidth > window.innerWidth")


@contextmanager
def browser_window() -> Iterator[Browser]:
    """Give a window that is closed in the end; nothing in it reaches for a network."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for argument in ("--headless=new", "--disable-gpu", "--disable-background-networking"):
        options.add_argument(argument)
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # chromium's sandbox refuses the superuser
        options.add_argument("--no-sandbox")
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
