"""Lines to a command and lines back, without deadlock, without a shell, and with an end to it.

Input is written in a thread of its own: a command may answer before it has read all, or read all before it answers, and pipes are small. Stderr is drained in another; its end is
kept for messages. A command that is to be ended goes with its whole process group, which is its own.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO

_STDERR_BYTES = 2000
_MOST_LINE = 1 << 20


class CommandProblem(Exception):
    """What a command did wrong, as the end of a sentence that begins with its name."""


def run_lines(
    argv: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    lines: Iterable[str],
    take: Callable[[bytes], None],
    timeout_s: float,
) -> None:
    """Run a command to its end, handing it `lines` and each line of its output to `take`.

    Args:
        argv: program and arguments.
        folder: it runs in.
        environment: its whole environment.
        lines: without line ends.
        take: gets what it writes, in a thread; may raise CommandProblem, which ends the command.
        timeout_s: for all of it.

    Raises:
        CommandProblem: if it cannot be started, ends with an error, takes too long, or `take` raised one.
    """
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            list(argv), cwd=folder, env=dict(environment), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as error:
        raise CommandProblem(f"cannot be started: {error.strerror}") from None
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise ValueError("a process with pipes has all three")
    said, problems = bytearray(), list[CommandProblem]()
    output, errors = process.stdout, process.stderr
    stop = threading.Event()

    def read() -> None:
        try:
            _read(output, take)
        except CommandProblem as problem:
            problems.append(problem)
            _end(process)

    threads = [
        threading.Thread(target=_write, args=(process.stdin, lines, stop), daemon=True),
        threading.Thread(target=read, daemon=True),
        threading.Thread(target=_drain, args=(errors, said), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        code = process.wait(timeout_s)
        threads[1].join(min(timeout_s, 5.0))  # a child of its own may hold the pipe open after it
    except subprocess.TimeoutExpired:
        problems.append(
            CommandProblem(f"took more than {timeout_s:g} s and was ended; raise timeout_s if it needs them")
        )
        code = None
    finally:
        stop.set()
        if process.poll() is None or threads[1].is_alive():  # else its group is gone, and its number may be another's
            _end(process)
        process.wait()
        for thread in threads:
            thread.join(5.0)
    if problems:
        raise problems[0]
    if code:
        raise CommandProblem(f"ended with {_status(code)}{_last_words(said)}")


def _write(stream: IO[bytes], lines: Iterable[str], stop: threading.Event) -> None:
    """Write lines until the reader closes; that a command ends without reading all is seen by what it answers."""
    try:
        with stream:
            for line in lines:
                if stop.is_set():
                    return
                stream.write(line.encode("utf-8") + b"\n")
    except (BrokenPipeError, ValueError):
        return


def _read(stream: IO[bytes], take: Callable[[bytes], None]) -> None:
    with stream:
        while line := stream.readline(_MOST_LINE):
            if len(line) == _MOST_LINE and not line.endswith(b"\n"):
                raise CommandProblem(f"wrote a line of more than {_MOST_LINE:,} bytes")
            if line.strip():
                take(line)


def _drain(stream: IO[bytes], said: bytearray) -> None:
    with stream:
        while part := stream.read1(4096):  # pyright: ignore[reportAttributeAccessIssue]
            said += part
            del said[:-_STDERR_BYTES]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill what is left of the command's process group, which begins with it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _last_words(said: bytearray) -> str:
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return f"; its last words: {lines[-1][:200]}" if lines else ""
