"""A real browser without a window: opens a report from disk, and tells what it said, fetched and shows."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

#: names under which distributions have it
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser_path() -> str | None:
    """Where a browser is that can be driven; None if there is none."""
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    return found if shutil.which("chromedriver") else None


class Browser:
    """Chromium, driven by chromedriver."""

    def __init__(self, *, scripting: bool = True) -> None:
        options = ChromeOptions()
        options.binary_location = browser_path() or ""
        # root in a container has no sandbox, and often little shared memory
        for flag in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
        ):
            options.add_argument(flag)
        # what the browser itself would fetch
        options.add_argument("--disable-background-networking")
        options.add_argument("--disable-component-update")
        if not scripting:
            options.add_experimental_option(
                "prefs", {"profile.managed_default_content_settings.javascript": 2}
            )
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = Chrome(options=options, service=Service(shutil.which("chromedriver")))
        self.size(1280, 900)

    def size(self, width: int, height: int) -> None:
        """Give the page so many CSS pixels."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, scheme: str) -> None:
        """As if the system were set to ``light`` or ``dark``, and to no motion: a click finds what it is aimed at."""
        features = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, file: Path) -> None:
        """Load a file anew; what came before is forgotten."""
        self.driver.get("about:blank")
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(file.resolve().as_uri())

    def js(self, code: str, *arguments: Any) -> Any:
        """What a function body returns."""
        return self.driver.execute_script(code, *arguments)

    def find(self, selector: str) -> WebElement:
        """The first element of a selector."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """All elements of a selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def console(self) -> list[str]:
        """What the page has said since it was opened, errors of the browser included."""
        return [line["message"] for line in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Addresses that were asked for since the page was opened."""
        messages = [json.loads(line["message"])["message"] for line in self.driver.get_log("performance")]
        return [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]

    def pdf(self) -> bytes:
        """The page on paper, A4."""
        made = self.driver.execute_cdp_cmd(
            "Page.printToPDF",
            {"printBackground": True, "preferCSSPageSize": True, "paperWidth": 8.27, "paperHeight": 11.69},
        )
        return base64.b64decode(made["data"])

    def picture(self) -> bytes:
        """The whole page as PNG, also what lies outside the window."""
        made = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
        return base64.b64decode(made["data"])

    def close(self) -> None:
        self.driver.quit()
