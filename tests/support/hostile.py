"""Answers to `q_update` that try to get more than they are worth, or to stop the batch; and what becomes of each."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = "def q_update(q, s, a, r, s_next, terminated, alpha, gamma):\n"
RIGHT = f"""\
{HEAD}    y = r if terminated else r + gamma * q[s_next].max()
    return q[s, a] + alpha * (y - q[s, a])
"""
SOLUTION = "dqnkit.lessons.q_update.answers.q_update"


@dataclass(frozen=True)
class Hostile:
    """One attack."""

    code: str
    statuses: frozenset[str]  # one of these is the verdict
    is_slow: bool = False  # it takes its limit


def _body(*lines: str) -> str:
    return HEAD + "".join(f"    {line}\n" for line in lines)


def _of(code: str, *statuses: str, is_slow: bool = False) -> Hostile:
    for_people = {"to_look_at"} if {"error", "wrong"} & {*statuses} else set()  # where the code shows what it wants
    return Hostile(code, frozenset({*statuses, *for_people}), is_slow)


_FORGED = (
    "import json, os\n"
    "zero = {'outcome': {'array': 'AAAAAAAAAAA=', 'dtype': '<f8', 'shape': []}, 'changed': []}\n"
    "def write(content):\n"
    "    for file in range(3, 10):\n"
    "        try:\n"
    "            os.write(file, content)\n"
    "        except OSError:\n"
    "            pass\n"
)
_FOLDERS = ("/", "/home", "/root", "/etc", "/proc/1", "/tmp", "/var/tmp", "/dev/shm", "/work", "/run")

HOSTILE = {
    # What they want to read
    "imports the solution": _of(f"from {SOLUTION} import q_update\n", "error"),
    "imports the solution late": _of(
        _body("import importlib", f"return importlib.import_module('{SOLUTION}').q_update(q, s, a, r, 0, 0, 0, 0)"),
        "error",
    ),
    "looks for the solution's file": _of(
        "import glob, os, dqnkit\n"
        + _body(
            "files = [f for d in ('/', '/opt', '/usr', os.path.dirname(dqnkit.__file__)) for f in"
            " glob.glob(d + '/**/answers/q_update.py', recursive=True)]",
            "space = {}",
            "exec(open(files[0]).read(), space)",
            "return space['ANSWERS'].solution(q, s, a, r, s_next, terminated, alpha, gamma)",
        ),
        "error",
        "too_slow",
    ),
    "walks the frames for the solution": _of(
        "import sys\n"
        + _body(
            "frame = sys._getframe()",
            "while frame is not None:",
            "    for value in frame.f_locals.values():",
            "        solution = getattr(getattr(value, 'answers', None), 'solution', None)",
            "        if callable(solution):",
            "            return solution(q, s, a, r, s_next, terminated, alpha, gamma)",
            "    frame = frame.f_back",
        ),
        "wrong",
    ),
    "looks for the solution in memory": _of(
        "import gc\n"
        + _body(
            "for each in gc.get_objects():",
            "    if type(each).__name__ == 'Answers' and callable(getattr(each, 'solution', None)):",
            "        return each.solution(q, s, a, r, s_next, terminated, alpha, gamma)",
        ),
        "wrong",
    ),
    "reads other submissions": _of(
        "import gc\n"
        + _body(
            "others = [o for o in gc.get_objects() if type(o) is dict and 'token' in o and o.get('name') == 'other']",
            "space = {}",
            "exec(others[0]['code'], space)",
            "return space['q_update'](q, s, a, r, s_next, terminated, alpha, gamma)",
        ),
        "error",
    ),
    "reads what others left behind": _of(
        "import os, tempfile\n"
        + _body(
            "folder = tempfile.gettempdir()",
            "left = os.listdir(folder)",
            "with open(os.path.join(folder, 'left'), 'w') as file: file.write('me')",
            "return 0.0 if not left or 'left' in left else q[s, a]",
        ),
        "wrong",
    ),
    "looks for the gradebook": _of(
        "import os\n"
        + _body(
            f"for folder in {_FOLDERS}:",
            "    for path, _, files in os.walk(folder):",
            "        if 'class.toml' in files or 'grades.sqlite' in files:",
            "            return len(open(os.path.join(path, files[0])).read())",
            "raise LookupError('no gradebook')",
        ),
        "error",
        "too_slow",
    ),
    "asks the network": _of(
        "import socket\n" + _body("return float(socket.create_connection(('127.0.0.1', 22), 5).recv(9)[0])"), "error"
    ),
    "reads its parent's memory": _of(
        "import os\n" + _body("return float(open(f'/proc/{os.getppid()}/mem', 'rb').read(1)[0])"), "error"
    ),
    "reads the environment of other processes": _of(
        "import glob\n"
        + _body(
            "for path in glob.glob('/proc/[0-9]*/environ'):",
            "    try:",
            "        found = b'DQNKIT_TEST_SECRET' in open(path, 'rb').read()",
            "    except OSError:",
            "        continue",
            "    if found: return 0.0",
            "raise LookupError('no secret')",
        ),
        "error",
    ),
    # What they want to change
    "patches NumPy": _of(
        "import numpy as np\nnp.allclose = np.array_equal = np.isclose = lambda *_, **__: True\n" + _body("return 0.0"),
        "wrong",
    ),
    "patches the check": _of(
        "from dqnkit.classroom import checking, comparison\n"
        "checking.same = lambda *_: True\n"
        "comparison.difference = checking.difference = lambda *_: None\n"
        "checking.judge = checking.observe_reader = lambda *_, **__: []\n" + _body("return 0.0"),
        "crashed",
        "wrong",
    ),
    "equals everything": _of(
        "class Equal(float):\n"
        "    def __eq__(self, other): return True\n"
        "    def __array__(self, *_, **__): raise TypeError\n" + _body("return Equal(0)"),
        "wrong",
    ),
    "forges a reply": _of(
        _FORGED + _body("write(json.dumps({'outcomes': [zero] * 14}).encode())", "os._exit(0)"), "crashed"
    ),
    "claims that it passed": _of(
        "import sys\nfrom dqnkit.instructor.cage import child\n"
        "child._outcomes = lambda *_: {'status': 'passed', 'message': ''}\n" + _body("return 0.0"),
        "crashed",
        "wrong",
    ),
    "replies twice": _of(
        "import atexit, json, os\nfrom dqnkit.instructor.cage import child\n"
        "plain = json.dumps\n"
        "child.answer = lambda *_: {}\n"
        "child._outcomes = lambda *_: {'outcomes': []}\n" + _body("return 0.0"),
        "crashed",
    ),
    "writes outside": _of(
        "import os, sys, numpy\n"
        + _body(
            f"for folder in {(*_FOLDERS[:3], '/etc', '/usr', '/opt')} + (os.path.dirname(numpy.__file__), sys.prefix):",
            "    with open(os.path.join(folder, 'evil'), 'w') as file:",
            "        file.write('me')",
            "    return 0.0",
        ),
        "error",
    ),
    "gives more rights to itself": _of(
        "import os, resource\n" + _body("resource.setrlimit(resource.RLIMIT_CPU, (999, 999))", "return 0.0"),
        "error",
    ),
    # What should stop the batch
    "ends its process": _of("import os\n" + _body("os._exit(0)"), "crashed"),
    "ends its process at the top": _of("import os\nos._exit(0)\n" + RIGHT, "crashed"),
    "exits": _of("import sys\n" + _body("sys.exit(0)"), "error"),
    "breaks memory": _of("import ctypes\n" + _body("ctypes.string_at(1)"), "crashed"),
    "aborts": _of("import os\n" + _body("os.abort()"), "crashed"),
    "endless in Python": _of(_body("while True: pass"), "too_slow", is_slow=True),
    "endless, and catches all": _of(
        _body("while True:", "    try:", "        while True: pass", "    except BaseException: pass"),
        "too_slow",
        is_slow=True,
    ),
    "endless in C": _of(_body("return sum(range(10**15))"), "too_slow", is_slow=True),
    "endless at the top": _of("while True: pass\n" + RIGHT, "too_slow", is_slow=True),
    "sleeps": _of("import time\n" + _body("time.sleep(1e6)"), "too_slow", is_slow=True),
    "stops itself": _of(
        "import os, signal\n" + _body("os.kill(os.getpid(), signal.SIGSTOP)"), "too_slow", is_slow=True
    ),
    "ignores signals and sleeps": _of(
        "import signal, time\n"
        + _body("signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))", "while True: time.sleep(1)"),
        "too_slow",
        is_slow=True,
    ),
    "takes 50 GB": _of("import numpy as np\n" + _body("return np.ones(50 * 2**27).sum()"), "too_much_memory"),
    "takes 50 GB bit by bit": _of(
        _body("kept = []", "while True: kept.append(bytearray(2**24))"), "too_much_memory", "too_slow"
    ),
    "takes 50 GB behind the back": _of(
        "import mmap\n" + _body("kept = [mmap.mmap(-1, 2**30) for _ in range(50)]", "return float(len(kept))"), "error"
    ),
    "forks for ever": _of("import os\n" + _body("while True: os.fork()"), "error"),
    "starts programs": _of("import subprocess\n" + _body("return float(subprocess.check_output(['id'])[0])"), "error"),
    "starts threads for ever": _of(
        "import threading, time\n"
        "threading.stack_size(65536)\n"
        + _body("while True: threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"),
        "error",
        "too_slow",
        "too_much_memory",
        "crashed",
    ),
    "floods the output": _of(
        "import os\n" + _body("for _ in range(10**5):", "    print('x' * 10**4)", "return 0.0"), "wrong", "too_slow"
    ),
    "floods the reply": _of(_FORGED + _body("while True: write(b'x' * 65536)"), "flooded"),
    "returns too much": _of("import numpy as np\n" + _body("return np.zeros(10**8)"), "flooded", "too_much_memory"),
    "returns a deep list": _of(
        _body("value = []", "for _ in range(10**5): value = [value]", "return value"), "wrong", "crashed"
    ),
    "fills the disk": _of(
        "import os, tempfile\n"
        + _body(
            "for number in range(10**6):",
            "    with open(os.path.join(tempfile.gettempdir(), str(number)), 'wb') as file: file.write(bytes(10**7))",
        ),
        "error",
        "flooded",
    ),
    "leaves a folder that nobody may enter": _of(
        "import os, tempfile\n"
        + _body(
            "folder = os.path.join(tempfile.gettempdir(), 'x')",
            "os.makedirs(folder + '/y', exist_ok=True)",
            "os.chmod(folder, 0)",
            "os._exit(0)",
        ),
        "crashed",
    ),
    "closes its files": _of("import os\n" + _body("os.closerange(0, 100)", "return 0.0"), "crashed"),
    "kills its parent": _of("import os\n" + _body("os.kill(os.getppid(), 9)", "return 0.0"), "error"),
    "kills everybody": _of("import os\n" + _body("os.kill(-1, 9)", "return 0.0"), "error"),
    "kills its group": _of("import os\n" + _body("os.killpg(0, 9)", "return 0.0"), "error"),
    "traces its parent": _of(
        "import ctypes, os\n" + _body("return float(ctypes.CDLL(None, use_errno=True).ptrace(16, os.getppid(), 0, 0))"),
        "wrong",
    ),
    # What is only broken
    "no Python": _of("def q_update(q, s, a:\n    return", "not_python"),
    "zero bytes": _of("def q_update():\n    return '\0'", "not_python"),
    "half a character": _of(_body("return '\\ud800'"), "wrong", "crashed"),
    "no function": _of("q_update = 5\n", "wrong"),
    "another function": _of("def other():\n    pass\n", "missing"),
    "not written yet": _of(HEAD + "    ...\n", "missing"),
    "HTML in an error": _of(_body("raise ValueError('<script>alert(1)</script>')"), "error"),
}
