"""The keeper: the cage's first process. It reads jobs from standard input and writes replies to standard output.

    job     a line of JSON: `length`, `exercise`, `modules`, `limits`; then `length` bytes that only the child reads
    reply   a line of JSON: `length`, `too_long` and what `template.Ending` has; then the bytes

The bytes of a reply are what the child wrote, as it wrote them; they are read outside.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import socket
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dqnkit.instructor.cage import rights, template
from dqnkit.instructor.cage.limits import FOLDER_BYTES

SECONDS_BETWEEN_LOOKS = 0.25  # at how much an answer has written
READY = b"ready\n"


def main(options: Mapping[str, Any]) -> None:
    """Keep the cage until standard input ends.

    Args:
        options: ``user``: id of the user to become, or None to stay who it is; ``folder``: where answers may write;
            ``filtered``, ``readable``: see `template.Walls`.
    """
    rights.give_up(options["user"])
    os.umask(0o077)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if not os.fork():
        ours.close()
        _leave_standard_streams()
        readable = tuple(options["readable"])
        template.serve(theirs, template.Walls(options["filtered"], readable, (options["folder"],)))
        os._exit(0)
    theirs.close()
    source, target = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    _leave_standard_streams()
    target.write(READY)
    target.flush()
    folder = Path(options["folder"])
    while line := source.readline():
        job = json.loads(line)
        content = source.read(job["length"])
        reply, ending = _run(ours, job, content, folder)
        target.write(json.dumps({"length": len(reply), **ending}).encode() + b"\n" + reply)
        target.flush()
        _empty(folder)


def _leave_standard_streams() -> None:
    """What is printed goes nowhere; the pipes to the outside are the keeper's alone."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)


def _run(control: socket.socket, job: Mapping[str, Any], content: bytes, folder: Path) -> tuple[bytes, dict[str, Any]]:
    """Have a job run by a child; return what it wrote, and how it ended."""
    largest = job["limits"]["reply"]
    (job_out, job_in), (reply_out, reply_in) = os.pipe(), os.pipe()
    order = {**job, "wall_seconds": job["limits"]["wall_seconds"]}
    socket.send_fds(control, [json.dumps(order).encode()], [job_out, reply_in])
    os.close(job_out)
    os.close(reply_in)
    os.set_blocking(job_in, False)
    os.set_blocking(reply_out, False)
    waiting, reply, too_long = memoryview(content), bytearray(), False
    readers: list[Any] = [reply_out, control]
    try:
        while True:
            ready, writable, _ = select.select(readers, [job_in] if waiting else [], [], SECONDS_BETWEEN_LOOKS)
            if writable:
                waiting = _write_some(job_in, waiting)
            if reply_out in ready and not _read_some(reply_out, reply):
                readers.remove(reply_out)
            if not too_long and (len(reply) > largest or _size(folder) > FOLDER_BYTES):
                too_long = True
                control.send(b"end it")
            if too_long:
                reply.clear()
            if control in ready:
                ending = json.loads(control.recv(template.LARGEST_ORDER) or b"null")
                if ending is None:
                    raise SystemExit("the template has ended")  # outside, a new cage is made
                while _read_some(reply_out, reply) and len(reply) <= largest:
                    pass
                too_long = too_long or len(reply) > largest
                return bytes(reply) if not too_long else b"", {**ending, "too_long": too_long}
    finally:
        os.close(job_in)
        os.close(reply_out)


def _write_some(file: int, content: memoryview) -> memoryview:
    try:
        return content[os.write(file, content) :]
    except BlockingIOError:
        return content
    except BrokenPipeError:  # the child has ended, or does not read
        return memoryview(b"")


def _read_some(file: int, into: bytearray) -> bool:
    """Read what is there; return whether more may come."""
    try:
        part = os.read(file, 1 << 16)
    except BlockingIOError:
        return False
    into += part
    return bool(part)


def _size(folder: Path) -> int:
    """Bytes in a folder, without following links; what cannot be looked into counts as too much."""
    total = 0
    for path, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            with suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
    return total


def _empty(folder: Path) -> None:
    """Remove what an answer has written, before the next one runs."""
    for path, folders, _ in os.walk(folder):
        for name in folders:
            inner = os.path.join(path, name)
            if not os.path.islink(inner):
                os.chmod(inner, stat.S_IRWXU)
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
    if any(os.scandir(folder)):
        sys.exit("the folder of answers cannot be emptied")  # outside, a new cage is made
