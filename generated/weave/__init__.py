# Made from book/appendices/b-weave.md by tangle.py; edit there, or here and stitch. bf6b4fefc1ca
"""Weaves the book: Markdown in; PDF, web site and EPUB out."""


class ManuscriptError(Exception):
    """What is wrong with the manuscript, one line a problem."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Stopped(Exception):
    """Nobody waits any more for what was being done."""
