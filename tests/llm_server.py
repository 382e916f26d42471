"""A server on loopback that answers as an OpenAI-compatible one, with a deterministic model."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from nasbench.strategies.parts.model import Completion, Message


def proposal(messages: Sequence[Mapping[str, str]], bad: float = 0.2) -> str:
    """Return the answer of a model that reads the prompt and draws by a hash of it.

    With the chance `bad` the answer cannot be used. Else it changes one choice of the best
    architecture shown, or draws choices where none is.
    """
    text = json.dumps(list(messages))
    bits = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    if bits % 1000 < 1000 * bad:
        return "I would rather not say."
    bits //= 1000
    system, user = messages[0]["content"], messages[1]["content"]
    if (items := re.search(r"number of an item, 1 to (\d+)", system)) is not None:
        return json.dumps({"architecture": bits % int(items[1]) + 1})
    shown = [line.rpartition(" score: ")[0] for line in user.splitlines() if " score: " in line]
    example = re.search(r"An example of the form: (.*)", system)
    assert example is not None
    best = json.loads(shown[-1] if shown else example[1])
    if "edges" in best:
        words = re.findall(r"op-[a-z]+", system)
        best["operations"] = [words[bits % len(words)] for _ in best["operations"]]
        return f"Here: {json.dumps({'architecture': best})}"
    choices = dict(re.findall(r"^(d\d+): (.*)$", system, re.MULTILINE))
    for name in sorted(best):
        bits, draw = divmod(bits, 4)
        if draw == 0:
            options = choices[name].split(", ")
            bits, place = divmod(bits, len(options))
            best[name] = options[place]
    return f"Thinking {{about}} it. ```json\n{json.dumps({'architecture': best})}\n```"


def tokens(text: str) -> int:
    """Return a number of tokens: words."""
    return len(text.split())


class FakeModel:
    """The same model in this process, without a server."""

    def complete(self, messages: Sequence[Message]) -> Completion:
        """Return the deterministic answer."""
        answer = proposal(messages)
        asked = sum(tokens(one["content"]) for one in messages)
        return Completion(answer, asked, tokens(answer), 0.25)


class FakeServer:
    """A server that answers in a thread of its own; `fault` says what it does wrong, if anything.

    `after` is the number of answers before the fault begins.
    """

    def __init__(self, fault: str = "", after: int = 0, port: int = 0) -> None:
        asked: list[dict[str, Any]] = []
        self.asked = asked
        self.headers: list[Mapping[str, str]] = []
        headers = self.headers

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.loads(content)
                asked.append({"path": self.path, **body})
                headers.append(dict(self.headers))
                wrong = fault if len(asked) > after else ""
                if wrong == "slow":
                    time.sleep(1.5)
                answer = proposal(body["messages"])
                said: dict[str, Any] = {
                    "choices": [{"message": {"role": "assistant", "content": answer}}],
                    "usage": {
                        "prompt_tokens": sum(tokens(one["content"]) for one in body["messages"]),
                        "completion_tokens": tokens(answer),
                    },
                }
                if wrong == "no usage":
                    del said["usage"]
                if wrong == "no text":
                    said["choices"] = []
                payload = b"<html>" if wrong == "no JSON" else json.dumps(said).encode()
                if wrong == "500":
                    payload = json.dumps(
                        {"error": {"message": "model not loaded\nsecond"}}
                    ).encode()
                if wrong == "401":
                    payload = b"\n  who are you? " + b"x" * 1000
                code = {"500": 500, "401": 401, "redirect": 307}.get(wrong, 200)
                try:
                    self.send_response(code)
                    if wrong == "redirect":
                        self.send_header("Location", "http://127.0.0.1:1/v1/chat/completions")
                    more = 40 if wrong == "drip" else 0
                    self.send_header("Content-Length", str(len(payload) + more))
                    self.end_headers()
                    if wrong == "drip":
                        for _ in range(40):
                            self.wfile.write(b" ")
                            time.sleep(0.1)
                    self.wfile.write(payload)
                except OSError:  # the client has given up
                    pass

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """The endpoint's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> "FakeServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
