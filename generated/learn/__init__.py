# Made from book/appendices/c-learn.md by tangle.py; edit there, or here and stitch. 19dea0882ad8
"""The reader's workshop: a chapter's code to write, and its judge."""


class LearnError(Exception):
    """What is wrong with a workspace or a command, in one line."""
