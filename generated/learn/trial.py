# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. 318580d2aeb5
"""A trial: tests run in a process of its own, on code put together.

The parent calls `hold`; the child, `main`, imports the package with
each definition from where the job says, the reader's or the book's.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.abc
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Generator, Iterator, Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from learn import LearnError
from learn.stubs import exchange

PACKAGE = "nand2llm"
LIMIT = 10  # seconds for one test
HURRY = 2  # seconds for one test, after one had no end
Job = dict[str, Any]
Result = dict[str, Any]


def hold(tree: Path, tests: Sequence[str], **more: Any) -> Result:
    """Run tests of the snapshot `tree`, in a child process.

    `own` is the reader's directory, `take` has for each of its files
    the definitions that come from the book all the same, `select` the
    tests to run, in this order, until the `first` that fails, and
    `limits` the seconds that a test may take. Raises LearnError if
    there was no end or no result.
    """
    job = {"tree": str(tree), "tests": list(tests), "limit": LIMIT}
    with tempfile.TemporaryDirectory(prefix="learn-") as place:
        answer = Path(place, "answer.json")
        try:
            done = subprocess.run(
                [sys.executable, "-m", "learn.trial", str(answer)],
                input=json.dumps(job | more),
                env=environment(tree), cwd=tree,
                capture_output=True, encoding="utf-8", timeout=600,
            )
        except subprocess.TimeoutExpired:
            raise LearnError("the tests came to no end") from None
        if not answer.exists():
            raise LearnError(ended(done, now_running(answer)))
        return dict(json.loads(answer.read_text("utf-8")))


def now_running(answer: Path) -> Path:
    """The file with the name of the test that is being run."""
    return answer.with_name("now")


def ended(done: subprocess.CompletedProcess[str], now: Path) -> str:
    """Why there is no answer: the process ended in a test, or before
    the first one."""
    if now.exists():
        return (
            f"in {now.read_text('utf-8').split('::')[-1]} Python ended "
            f"with status {done.returncode}; is there an exit in what "
            "you wrote?"
        )
    said = (done.stderr or done.stdout).strip().split("\n")[-1]
    return f"the tests did not run: {said}"


def library(tree: Path) -> dict[str, str]:
    """The variable that tells the package of its native library.

    It looks for one near itself. The reader's package is elsewhere, so
    it is told where the book has built one.
    """
    built = tree.parents[1].glob("native/release/*nand2llm_native.*")
    native = [p for p in built if p.suffix in (".so", ".dylib", ".dll")]
    return {"NAND2LLM_NATIVE": str(native[0])} if native else {}


def environment(tree: Path) -> dict[str, str]:
    """The child's environment: it finds us, and leaves nothing."""
    here = str(Path(__file__).resolve().parents[1])
    paths = [here, os.environ.get("PYTHONPATH", "")]
    return {
        **library(tree),
        **os.environ,
        "PYTEST_ADDOPTS": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


def study(tree: Path, tests: Sequence[str]) -> Result:
    """Run the book's tests on the book's code, and watch.

    `calls` has for each test which definitions it calls, `seconds`
    how long it takes. While the package was imported, `factories`
    returned functions, and `given` returned something else: that
    cannot wait for the reader.
    """
    result = hold(tree, tests, trace=True)
    for name, outcome in result["tests"].items():
        if outcome["state"] == "failed":
            raise LearnError(f"{name} fails on the book's own code")
    kept = ("calls", "seconds", "factories", "given")
    return {key: result[key] for key in kept}


# --- The child -------------------------------------------------------


class Loader(SourceFileLoader):
    """Compiles a module of the reader's and the book's definitions."""

    def __init__(self, name: str, path: str, book: Path | None,
                 take: Sequence[str]) -> None:
        super().__init__(name, path)
        self.book, self.take = book, take

    def get_code(self, fullname: str) -> types.CodeType:
        """Parse both, exchange what is to be taken, and compile."""
        tree = ast.parse(Path(self.path).read_text("utf-8"), self.path)
        if self.book:
            book = ast.parse(self.book.read_text("utf-8"))
            exchange(tree, book, set(self.take))
        code = compile(tree, self.path, "exec", dont_inherit=True)
        return lent(code, self.take, str(self.book))


def lent(
    code: types.CodeType, names: Sequence[str], file: str
) -> types.CodeType:
    """The code, its definitions of these names said to be of `file`."""
    if code.co_qualname.split(".<locals>")[0] in names:
        code = code.replace(co_filename=file)
    inner = [
        lent(const, names, file)
        if isinstance(const, types.CodeType) else const
        for const in code.co_consts
    ]
    return code.replace(co_consts=tuple(inner))


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules of the package, as a job has them."""

    def __init__(self, job: Job) -> None:
        self.tree = Path(job["tree"])
        self.own = Path(job["own"]) if job.get("own") else self.tree
        self.take: dict[str, list[str]] = job.get("take", {})
        self.whole = set(job.get("whole", ()))

    def find_spec(
        self, name: str, path: Any = None, target: Any = None
    ) -> ModuleSpec | None:
        """The module's place; None for what is not ours."""
        if name.partition(".")[0] != PACKAGE:
            return None
        stem = name.replace(".", "/")
        for file in (f"{stem}/__init__.py", f"{stem}.py"):
            own, book = self.own / file, self.tree / file
            if file in self.whole or not own.is_file():
                own = book
            if not own.is_file():
                continue
            mixed = book if own != book and book.is_file() else None
            loader = Loader(name, str(own), mixed,
                            self.take.get(file, ()))
            return importlib.util.spec_from_file_location(
                name, own, loader=loader
            )
        return None

    def files(self) -> list[str]:
        """The files of the package, in both places."""
        return sorted({
            file.relative_to(base).as_posix()
            for base in (self.tree, self.own)
            for file in (base / PACKAGE).rglob("*.py")
        })


class Slow(BaseException):
    """It took too long."""


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise Slow in what is run if it takes longer (on POSIX)."""

    def ring(number: int, frame: object) -> None:
        raise Slow(f"no end after {seconds:.0f} seconds")

    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def module_of(file: str) -> str:
    """The name by which a file of the package is imported."""
    stem = file.removesuffix(".py").removesuffix("/__init__")
    return stem.replace("/", ".")


def load_all(finder: Finder, limit: int) -> dict[str, str]:
    """Import all modules; those that fail, from the book alone.

    Returns what is wrong with each of these.
    """
    broken: dict[str, str] = {}
    files = finder.files()
    while True:
        try:
            with within(limit):
                for file in files:
                    importlib.import_module(module_of(file))
            return broken
        except BaseException as error:
            culprit, words = blame(error, finder.own, file)
            if culprit in finder.whole or finder.own == finder.tree:
                raise
            broken[culprit] = words
            finder.whole.add(culprit)
        for name in list(sys.modules):
            if name.partition(".")[0] == PACKAGE:
                del sys.modules[name]


def blame(
    error: BaseException, own: Path, file: str
) -> tuple[str, str]:
    """The reader's file in which an import failed, and how."""
    words = traceback.format_exception_only(error)[-1].strip()
    where = [(frame.filename, frame.lineno)
             for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        where.append((str(error.filename), error.lineno))
    for name, line in reversed(where):
        path = Path(name)
        if path.is_relative_to(own / PACKAGE) and path.is_file():
            file = path.relative_to(own).as_posix()
            return file, f"{file}:{line}: {words}"
    return file, f"{file}: {words}"


class Watch:
    """Notes which definitions of a directory are called."""

    def __init__(self, base: Path) -> None:
        self.base = f"{base}{os.sep}"
        self.codes: set[types.CodeType] = set()
        self.always: dict[types.CodeType, bool] = {}

    def name(self, code: types.CodeType) -> str:
        """The definition to which code belongs, or ""."""
        if not code.co_filename.startswith(self.base):
            return ""
        file = Path(code.co_filename).relative_to(self.base).as_posix()
        return f"{file}:{code.co_qualname.split('.<locals>')[0]}"

    def names(self) -> list[str]:
        """The definitions called since this was last asked."""
        names = sorted({self.name(code) for code in self.codes} - {""})
        self.codes.clear()
        return names

    def called(self, frame: types.FrameType, *event: object) -> None:
        """Note a call: a tracer, which wants to hear of no lines."""
        self.codes.add(frame.f_code)

    def returned(
        self, frame: types.FrameType, event: str, value: object
    ) -> None:
        """Note whether what is called returns functions: a profiler."""
        code = frame.f_code
        if event == "return" and "<" not in code.co_qualname:
            good = isinstance(value, types.FunctionType)
            self.always[code] = self.always.get(code, True) and good

    def kinds(self, good: bool) -> list[str]:
        """The definitions that always returned functions, or not."""
        return sorted({
            self.name(code)
            for code, always in self.always.items()
            if always is good
        } - {""})


class Judge:
    """A plugin of pytest: runs what is selected, keeps what happens."""

    def __init__(self, job: Job, watch: Watch, now: Path) -> None:
        self.job, self.watch, self.now = job, watch, now
        self.tests: dict[str, dict[str, str]] = {}
        self.calls: dict[str, list[str]] = {}
        self.seconds: dict[str, float] = {}
        self.limit: float = job["limit"]

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep the tests that are asked for, in the order asked for."""
        if "select" in self.job:
            order = {test: k for k, test in enumerate(self.job["select"])}
            chosen = [item for item in items if item.nodeid in order]
            items[:] = sorted(chosen, key=lambda item: order[item.nodeid])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Leave word of what is being run, should it end us."""
        self.now.write_text(nodeid, "utf-8")

    def pytest_collectreport(self, report: Any) -> None:
        """Note a test file that cannot be read."""
        if report.failed:
            lines = str(report.longrepr).strip().split("\n")
            wrong = [li[2:] for li in lines if li.startswith("E ")]
            words = (wrong or lines)[-1].strip()
            self.tests[report.nodeid] = verdict("failed", words)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, Any, Any]:
        """Set the clock for reading a test file."""
        with within(self.job["limit"]):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(
        self, item: Any
    ) -> Generator[None, Any, Any]:
        """Set the clock for a test, and watch it."""
        if not self.job.get("trace"):
            limits = self.job.get("limits", {})
            usual = limits.get(item.nodeid, self.limit)
            with within(min(usual, self.limit)):
                return (yield)
        sys.settrace(self.watch.called)
        start = time.perf_counter()
        try:
            return (yield)
        finally:
            sys.settrace(None)
            self.seconds[item.nodeid] = time.perf_counter() - start
            self.calls[item.nodeid] = self.watch.names()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: Any, call: Any
    ) -> Generator[None, Any, Any]:
        """Note how a test ended; the worst of its stages counts."""
        report = yield
        if report.failed:
            if call.excinfo.errisinstance(Slow):
                self.limit = HURRY
            words = self.words(call.excinfo)
            if printed := report.capstdout.splitlines()[-3:]:
                words += "\nIt printed: " + " / ".join(printed)
            self.tests[item.nodeid] = verdict("failed", words)
        elif report.when == "call" or report.skipped:
            new = verdict(report.outcome, "")
            self.tests.setdefault(item.nodeid, new)
        return report

    def words(self, excinfo: Any) -> str:
        """What an exception says, and where in the reader's files."""
        words = str(excinfo.exconly()).removeprefix("AssertionError: ")
        if words.startswith("assert "):
            words = words.split("\n")[0]
        own = self.job.get("own")
        if own is None:
            return words
        for entry in reversed(excinfo.traceback):
            path = Path(entry.path)
            if path.is_relative_to(Path(own, PACKAGE)):
                file = path.relative_to(own).as_posix()
                return f"{words} ({file}:{entry.lineno + 1})"
        return words


def verdict(state: str, words: str) -> dict[str, str]:
    """How a test ended: passed, skipped or failed, and why."""
    return {"state": state, "words": words}


def settings(job: Job, place: Path) -> list[str]:
    """The options of pytest: nothing of the reader's, or of ours."""
    return [
        "-q", "-c", os.devnull, "--import-mode=importlib",
        "--rootdir", str(job.get("home", job["tree"])),
        "--basetemp", f"{place}/tmp", "-p", "no:cacheprovider",
        *["--exitfirst"][: job.get("first", False)],
    ]


def main(answer: str) -> None:
    """Do the job on standard input; write the answer to a file."""
    job = json.load(sys.stdin)
    finder = Finder(job)
    sys.meta_path.insert(0, finder)
    watch = Watch(finder.tree)
    sys.setprofile(watch.returned if job.get("trace") else None)
    broken = load_all(finder, job["limit"])
    sys.setprofile(None)
    judge = Judge(job, watch, now_running(Path(answer)))
    if job["tests"]:
        options = settings(job, Path(answer).parent)
        pytest.main([*options, *job["tests"]], plugins=[judge])
    result = {
        "broken": broken,
        "tests": judge.tests,
        "calls": judge.calls,
        "seconds": judge.seconds,
        "factories": watch.kinds(True),
        "given": watch.kinds(False),
    }
    Path(answer).write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
