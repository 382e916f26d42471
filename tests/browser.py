"""A page in Debian's chromium, of any width, as a reader on a phone or on paper has it."""

import json
import os
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from fcntl import F_DUPFD, fcntl
from itertools import count
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Any

import pytest

_DRAWN = """
document.readyState === "complete" && [...document.images].every((one) => one.complete)
&& [...document.querySelectorAll(".curves")].every((one) => one.dataset.shown)
"""
_PATIENCE = 300  # seconds, after which a browser that does not answer is ended


def browser() -> str:
    """Return the path of chromium; skip, or fail where it is required, without one."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        reason = "needs chromium (Debian: apt-get install chromium)"
        if os.environ.get("NASBENCH_REQUIRE_BROWSER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return found


class Window:
    """A browser without a screen, which is told by Chrome's DevTools protocol over two pipes."""

    def __init__(self, profile: Path) -> None:
        mine = os.pipe(), os.pipe()
        high = [fcntl(end, F_DUPFD, 10) for end in (mine[0][0], mine[1][1])]
        self._to, self._from = os.fdopen(mine[0][1], "wb"), os.fdopen(mine[1][0], "rb")
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{high[0]} 4>&{high[1]}', "bash", browser(), "--headless",
             "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             f"--user-data-dir={profile}"],
            pass_fds=high, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._patience = Timer(_PATIENCE, self._process.kill)
        self._patience.start()
        for end in (*high, mine[0][0], mine[1][1]):
            os.close(end)
        self._numbers = count(1)
        self._session: dict[str, str] = {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": found["sessionId"]}

    def __enter__(self) -> "Window":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._patience.cancel()
        self._process.terminate()
        self._process.wait(timeout=30)
        self._to.close()
        self._from.close()

    def call(self, method: str, **values: Any) -> dict[str, Any]:
        """Call a method of the protocol; return its result."""
        number = next(self._numbers)
        call = {"id": number, "method": method, "params": values, **self._session}
        self._to.write(json.dumps(call).encode() + b"\0")
        self._to.flush()
        for answer in self._answers():
            if answer.get("id") == number:
                assert "error" not in answer, answer
                found: dict[str, Any] = answer["result"]
                return found
        raise AssertionError("the browser ended")

    def _answers(self) -> Iterator[dict[str, Any]]:
        while True:
            parts = []
            while (letter := self._from.read(1)) not in (b"\0", b""):
                parts.append(letter)
            if not parts:
                return
            yield json.loads(b"".join(parts))

    def resize(self, width: int, media: str = "screen") -> None:
        """Show the page in a window so many pixels wide, as on a screen or on paper."""
        self.call("Emulation.setEmulatedMedia", media=media)
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1,
            mobile=width < 600,
        )  # fmt: skip

    def open(self, page: Path) -> None:
        """Open a page, and wait until its figures are drawn."""
        self.call("Page.navigate", url=page.as_uri())
        end = time.monotonic() + 60
        while not self.ask(_DRAWN):
            assert time.monotonic() < end, "the page is not drawn"
            time.sleep(0.1)

    def ask(self, expression: str) -> Any:
        """Return the value of an expression in the page's JavaScript."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                          awaitPromise=True)  # fmt: skip
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, left: float, top: float, width: float, height: float) -> bytes:
        """Return a part of the page as PNG, in pixels from its upper left corner."""
        clip = {"x": left, "y": top, "width": width, "height": height, "scale": 1}
        found = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return b64decode(found["data"])
