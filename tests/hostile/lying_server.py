"""A server that answers with whatever bytes it is told to, in whatever rhythm."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CONTENT = bytes(range(256)) * 40
"""What an honest answer holds."""

Answer = Callable[[socket.socket, str, str], None]
"""Answers one request; is given the connection, the request's text and the server's address."""


def sending(*parts: bytes, pause: float = 0.0) -> Answer:
    """Send some bytes, with a pause between the parts, and close."""

    def answer(connection: socket.socket, _: str, address: str) -> None:
        for part in parts:
            connection.sendall(part.replace(b"@HERE@", address.encode()))
            time.sleep(pause)

    return answer


def whole(content: bytes = CONTENT, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an answer with any headers."""
    return b"\r\n".join([b"HTTP/1.1 " + status, *headers, b"", content])


def length(number: object) -> bytes:
    return b"Content-Length: " + str(number).encode()


def silent(connection: socket.socket, _: str, __: str) -> None:
    with suppress(OSError):
        connection.recv(1)  # until the client leaves


def reset(connection: socket.socket, _: str, __: str) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def no_range(connection: socket.socket, request: str, _: str) -> None:
    """Refuse every range, as a server does that holds another file; send the whole else."""
    if "range:" in request.lower():
        connection.sendall(whole(b"", length(0), status=b"416 Range Not Satisfiable"))
    else:
        connection.sendall(whole(CONTENT, length(len(CONTENT))))


def dripping(first: bytes, each: bytes = b"x", pause: float = 0.05) -> Answer:
    """Send something and then a little every now and then, without end."""

    def answer(connection: socket.socket, _: str, __: str) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(each)
            time.sleep(pause)

    return answer


_CHUNKED = b"Transfer-Encoding: chunked"
_SIZE = length(len(CONTENT))


def redirect(to: bytes, status: bytes = b"302 Found") -> Answer:
    return sending(whole(b"", b"Location: " + to, length(0), status=status))


LIES: dict[str, Answer] = {
    "silent": silent,
    "reset": reset,
    "closes": sending(),
    "drips headers": dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "drips one header": dripping(b"HTTP/1.1 200 OK\r\nX: "),
    "drips a byte": dripping(whole(b"", _SIZE)),
    "drips a chunk's size": dripping(whole(b"", _CHUNKED), b"0"),
    "goes on for ever": dripping(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 x\r\n\r\n"),
    "endless content": dripping(whole(b"", _CHUNKED), b"ffff\r\n" + b"y" * 0xFFFF + b"\r\n", 0),
    "no HTTP": sending(b"\x16\x03\x01\x02\x00garbage\r\n\r\n"),
    "a status of letters": sending(b"HTTP/1.1 abc what\r\n\r\n"),
    "a status of five digits": sending(b"HTTP/1.1 99999 what\r\n\r\n"),
    "a status below 200": sending(whole(status=b"199 hm")),
    "204": sending(whole(b"", status=b"204 No Content")),
    "206 unasked": sending(
        whole(CONTENT, _SIZE, b"Content-Range: bytes 7-99/100", status=b"206 Partial")
    ),
    "304": sending(whole(b"", status=b"304 Not Modified")),
    "401": sending(whole(b"", b"WWW-Authenticate: Basic", status=b"401 No")),
    "407": sending(whole(b"", status=b"407 No")),
    "416": sending(whole(b"", status=b"416 No")),
    "a reason with control characters": sending(
        whole(b"", status=b"403 \x1b[31mred\x07\xe2\x80\xae")
    ),
    "a reason of a megabyte": sending(whole(b"", status=b"500 " + b"r" * (1 << 20))),
    "a reason of 60,000": sending(whole(b"", status=b"403 " + b"r" * 60_000)),
    "a long header": sending(whole(CONTENT, b"X: " + b"y" * 100_000, _SIZE)),
    "many headers": sending(whole(CONTENT, *[b"X%d: y" % i for i in range(1000)], _SIZE)),
    "a header without a colon": sending(whole(CONTENT, b"nonsense", _SIZE)),
    "other content": sending(whole(b"x" * len(CONTENT), _SIZE)),
    "content cut": sending(whole(CONTENT[:100], _SIZE)),
    "more content": sending(whole(CONTENT + b"more", length(len(CONTENT) + 4))),
    "a length too small": sending(whole(CONTENT, length(5))),
    "a length too large": sending(whole(CONTENT, length(len(CONTENT) + 10))),
    "a negative length": sending(whole(b"x" * 99, length(-5))),
    "a length of letters": sending(whole(b"x" * 99, length("many"))),
    "a length of 5,000 digits": sending(whole(CONTENT[:9], length("9" * 5000))),
    "a length of other digits": sending(whole(CONTENT[:9], "Content-Length: ³".encode())),
    "a negative chunk": sending(whole(b"-5\r\nabc\r\n0\r\n\r\n", _CHUNKED)),
    "a huge chunk": sending(whole(b"f" * 30 + b"\r\nabc", _CHUNKED)),
    "a chunk of letters": sending(whole(b"size\r\nabc\r\n", _CHUNKED)),
    "a chunk cut": sending(whole(b"ff\r\nabc", _CHUNKED)),
    "an endless line of a chunk": sending(whole(b"0" * 200_000, _CHUNKED)),
    "packed": sending(whole(b"\x1f\x8bnot", b"Content-Encoding: gzip", length(5))),
    "redirect to a bracket": redirect(b"http://["),
    "redirect to a bad port": redirect(b"http://127.0.0.1:99999/"),
    "redirect to no host": redirect(b"http:///x"),
    "redirect to a file": redirect(b"file:///etc/passwd"),
    "redirect to ftp": redirect(b"ftp://127.0.0.1/x"),
    "redirect to data": redirect(b"data:,x"),
    "redirect to itself": redirect(b"@HERE@/loop"),
    "redirect to control characters": redirect(b"http://\x1b[31m/\x00"),
    "redirect to a long name": redirect(b"http://" + b"a" * 300 + b".invalid/"),
    "redirect to an umlaut": redirect("http://ü".encode() + b"/x"),
    "redirect to nowhere": sending(whole(b"", status=b"301 Moved")),
    "redirect of a megabyte": redirect(b"http://127.0.0.1/" + b"a" * 60_000),
}
"""Every kind of lie by its name."""


@contextmanager
def lying_server(answer: Answer) -> Iterator[str]:
    """Answer every request by `answer`; yield the server's address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"

        def talk(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                request = b""
                while b"\r\n\r\n" not in request and (more := connection.recv(4096)):
                    request += more
                answer(connection, request.decode("latin-1"), address)

        def serve() -> None:
            with suppress(OSError):  # closed
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=talk, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield address
