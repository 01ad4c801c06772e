"""A headless Chromium, driven over the pipe of its DevTools protocol: no other package is needed for it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 60.0  # seconds for whatever is waited for
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # whatever leaves this machine fails
    "--remote-debugging-pipe",
)


class Browser:
    """A running browser with one page. `events` are all messages that nobody asked for, in order."""

    def __init__(self, outgoing: int, incoming: int) -> None:
        self._out = os.fdopen(outgoing, "wb", buffering=0)
        self._in = os.fdopen(incoming, "rb")
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._answers: dict[int, dict[str, Any]] = {}
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        target = self._ask("Target.createTarget", {"url": "about:blank"})["targetId"]
        self._session = self._ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def _read(self) -> None:
        rest = b""
        while piece := self._in.read1(1 << 16):
            *whole, rest = (rest + piece).split(b"\0")
            for message in whole:
                self._messages.put(json.loads(message))
        self._messages.put(None)

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer of the page to a command."""
        return self._ask(method, params, self._session)

    def _ask(self, method: str, params: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        self._out.write(json.dumps(message).encode() + b"\0")
        self._listen(lambda: number in self._answers, method)
        answer = self._answers.pop(number)
        assert "error" not in answer, (method, params, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _listen(self, until: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not until():
            try:
                message = self._messages.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{what}: waited in vain") from None
            assert message is not None, "the browser has gone"
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self.events.append(message)

    def open(self, url: str) -> None:
        """Go to a page, and wait for its load event."""
        start = len(self.events)
        self.ask("Page.navigate", url=url)
        self._listen(lambda: any(one["method"] == "Page.loadEventFired" for one in self.events[start:]), url)

    def evaluate(self, script: str, context: int) -> Any:
        """The value of an expression; of a promise, once it is settled."""
        done = self.ask("Runtime.evaluate", expression=script, contextId=context, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def frame_where(self, script: str) -> int:
        """The context of the page, or of one of its frames, where an expression is true, now or soon."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = next((one for one in self._contexts() if self._holds(script, one)), None)
            if found is not None:
                return found
            assert time.monotonic() < deadline, f"{script}: waited in vain"

    def _holds(self, script: str, context: int) -> bool:
        try:
            done = self.ask("Runtime.evaluate", expression=script, contextId=context, returnByValue=True)
        except AssertionError:  # a frame that has gone meanwhile
            return False
        return done["result"].get("value") is True

    def _contexts(self) -> list[int]:
        gone = {
            one["params"].get("executionContextId")
            for one in self.events
            if one["method"] == "Runtime.executionContextDestroyed"
        }
        made = [
            one["params"]["context"]["id"] for one in self.events if one["method"] == "Runtime.executionContextCreated"
        ]
        return [one for one in made if one not in gone]

    def settle(self) -> None:
        """Wait until every request has ended."""
        self.ask("Runtime.evaluate", expression="0")
        self._listen(lambda: not self.unended(), "all requests")

    def unended(self) -> set[str]:
        """Requests that are under way; the end of those for a worker's own script, which have no loader, is not told."""
        ended = {"Network.loadingFinished", "Network.loadingFailed"}
        sent = [one["params"] for one in self.events if one["method"] == "Network.requestWillBeSent"]
        begun = {one["requestId"] for one in sent if one["loaderId"]}
        return begun - {one["params"]["requestId"] for one in self.events if one["method"] in ended}

    def requested(self) -> dict[str, int | str]:
        """URL -> status, or why there is none, of every request of the page and its frames."""
        found: dict[str, int | str] = {}
        urls: dict[str, str] = {}
        for one in self.events:
            said = one["params"]
            if one["method"] == "Network.requestWillBeSent":
                if "redirectResponse" in said:
                    found[said["redirectResponse"]["url"]] = said["redirectResponse"]["status"]
                urls[said["requestId"]] = said["request"]["url"]
            elif one["method"] == "Network.responseReceived":
                found[said["response"]["url"]] = said["response"]["status"]
            elif one["method"] == "Network.loadingFailed":
                found[urls[said["requestId"]]] = said["errorText"]
        return found

    def close(self) -> None:
        """Let go of the pipe."""
        self._out.close()
        self._reader.join(timeout=PATIENCE)
        self._in.close()


@contextmanager
def browsing(program: str, profile: Path) -> Iterator[Browser]:
    """A browser with a fresh profile, while it runs."""
    (down, outgoing), (incoming, up) = os.pipe(), os.pipe()
    shell = [
        "bash",
        "-c",
        f'exec "$@" 3<&{down} 4>&{up}',
        "bash",
        program,
        *FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
    ]
    child = subprocess.Popen(shell, pass_fds=(down, up), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(down)
    os.close(up)
    try:
        browser = Browser(outgoing, incoming)
        try:
            yield browser
        finally:
            child.terminate()
            browser.close()
    finally:
        child.kill()
        child.wait()
