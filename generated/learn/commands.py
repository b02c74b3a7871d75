# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. 617f36d3345d
"""The workshop's commands: `python -m learn VERB`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import tangle
from learn import LearnError, lend, report
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
        "run": "run a script on your code; what is missing is lent",
        "translate": "run a tool; add the book's places to yours",
    }.items():
        verb = verbs.add_parser(name, help=words, description=words)
        verb.add_argument("--dir", type=Path, help="the workspace")
        if name == "start":
            verb.add_argument("chapter", metavar="CHAPTER")
            verb.add_argument("--root", type=Path, default=HOME,
                              help="where the book is")
        else:
            verb.add_argument("--chapter", help="whose workspace; "
                              "else it is the one you are in")
        if name in ("run", "translate"):
            verb.add_argument("command", nargs=argparse.REMAINDER)
        if name == "hint":
            verb.add_argument("name", metavar="NAME")
            verb.add_argument("--solution", action="store_true",
                              help="how the book does it")
            verb.add_argument("--write", action="store_true",
                              help="and put that into your file")
    return parser


def usual(chapter: str) -> Path:
    """Where the workspace of a chapter is, if nobody says otherwise."""
    return near(HOME / "learn" / f"{chapter:0>2}")


def workspace_of(args: argparse.Namespace) -> Workspace:
    """The workspace that is named, or else that around us."""
    if args.dir or args.chapter:
        return Workspace(args.dir or usual(args.chapter))
    for place in (Path(), *Path.cwd().parents):
        if (place / CONFIG).exists():
            return Workspace(place)
    raise LearnError("no workspace here; name one with --dir")


def near(path: Path) -> Path:
    """A path as one would type it here."""
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd())
    return path


def obey(args: argparse.Namespace) -> Iterator[str]:
    """Do what the command line says; the lines to be printed."""
    if args.verb == "start":
        number = args.chapter.lstrip("0")
        lesson = Lesson(args.root.resolve(), number)
        yield from start(lesson, args.dir or usual(number))
        return
    workspace = workspace_of(args)
    lesson = Lesson(workspace.root, workspace.number)
    if args.verb == "hint":
        yield from hint(args, lesson, workspace)
        return
    kept = workspace.progress()
    yield f"Chapter {lesson.chapter.number}: {lesson.title}"
    if args.verb == "check":
        verdicts = grade(lesson, workspace)
        workspace.keep({
            "states": {report.key(v.item): v.state for v in verdicts},
            "words": {report.key(v.item): v.words for v in verdicts},
            "places": {report.key(v.item): v.place for v in verdicts},
        })
    else:
        verdicts = remembered(lesson, kept)
    yield from report.table(lesson, verdicts)
    yield ""
    home = near(workspace.place)
    yield from report.summary(lesson, verdicts, kept["states"], home)


def program(args: argparse.Namespace) -> int:
    """Run a program for the reader; its exit status."""
    command = args.command[args.command[:1] == ["--"] :]
    if not command:
        raise LearnError(f"what is to be run? say: {args.verb} COMMAND")
    lender = lend.Lender(workspace_of(args))
    if args.verb == "translate":
        return lend.translated(lender, command)
    return lend.run(lender, command)


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
            kept["places"].get(report.key(item), ""),
        )
        for item in items
    ]


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
        args = options().parse_args(argv)
        if args.verb in ("run", "translate"):
            return program(args)
        for line in obey(args):
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
