# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. 409182385a4d
"""The workshop's commands: `python -m learn VERB`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import tangle
from learn import LearnError, report
from learn.grade import NOT_YET, Verdict, grade
from learn.lesson import Exercise, Lesson, Unit
from learn.workspace import CONFIG, Workspace, adopted, start

HOME = Path(__file__).resolve().parents[2]


def options() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    parser = argparse.ArgumentParser("learn", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, words in {
        "start": "make a chapter's workspace, or add what it lacks",
        "check": "run the tests, and tell how far you are",
        "status": "tell again what the last check found",
        "hint": "tell what the book says about a chunk or exercise",
    }.items():
        verb = verbs.add_parser(name, help=words, description=words)
        verb.add_argument("--dir", type=Path, help="the workspace")
        if name == "start":
            verb.add_argument("chapter", metavar="CHAPTER")
            verb.add_argument("--root", type=Path, default=HOME,
                              help="where the book is")
        if name == "hint":
            verb.add_argument("name", metavar="NAME")
            verb.add_argument("--solution", action="store_true",
                              help="how the book does it")
            verb.add_argument("--write", action="store_true",
                              help="and put that into your file")
    return parser


def here() -> Workspace:
    """The workspace around the current directory."""
    for place in (Path(), *Path.cwd().parents):
        if (place / CONFIG).exists():
            return Workspace(place)
    raise LearnError("no workspace here; name one with --dir")


def obey(args: argparse.Namespace) -> Iterator[str]:
    """Do what the command line says; the lines to be printed."""
    if args.verb == "start":
        lesson = Lesson(args.root.resolve(), args.chapter)
        usual = HOME / "learn" / f"{args.chapter:0>2}"
        yield from start(lesson, args.dir or near(usual))
        return
    workspace = Workspace(args.dir) if args.dir else here()
    lesson = Lesson(workspace.root, workspace.number)
    if args.verb == "hint":
        yield from hint(args, lesson, workspace)
        return
    kept = workspace.progress()
    if args.verb == "check":
        verdicts = grade(lesson, workspace)
        workspace.keep({
            "states": {report.key(v.item): v.state for v in verdicts},
            "words": {report.key(v.item): v.words for v in verdicts},
        })
    else:
        verdicts = remembered(lesson, kept)
    yield f"Chapter {lesson.chapter.number}: {lesson.title}"
    yield from report.table(lesson, verdicts)
    yield ""
    yield from report.summary(lesson, verdicts, kept["states"])


def remembered(
    lesson: Lesson, kept: dict[str, dict[str, str]]
) -> list[Verdict]:
    """The verdicts of the last check."""
    items: list[Unit | Exercise] = [*lesson.units, *lesson.exercises]
    return [
        Verdict(
            item,
            kept["states"].get(report.key(item), NOT_YET),
            kept["words"].get(report.key(item), ""),
        )
        for item in items
    ]


def near(path: Path) -> Path:
    """A path as one would type it here."""
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd())
    return path


def hint(
    args: argparse.Namespace, lesson: Lesson, workspace: Workspace
) -> Iterator[str]:
    """What the book says, or does, about what is named."""
    if args.write and not args.solution:
        raise LearnError("--write goes with --solution")
    if not args.solution:
        yield from report.hint(lesson, args.name)
        return
    yield from report.solution(lesson, args.name)
    if args.write:
        copy = adopted(lesson, workspace, args.name)
        yield f"\nWritten into your file; what you had is in {copy}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; what is wrong is one line."""
    try:
        for line in obey(options().parse_args(argv)):
            print(line)
        sys.stdout.flush()
        return 0
    except (LearnError, tangle.TangleError) as problem:
        print(f"learn: {problem}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever reads us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"learn: {error.filename}: {error.strerror}",
              file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
