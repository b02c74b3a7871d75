# Made from book/part1/01-introduction.md by tangle.py; edit there, or here and stitch. 92635836020e
"""NAND2LLM: a language model, built from first principles.

Every module is written by a chapter of the book of the same name;
the first line of its file says which.
"""

__version__ = "0.1.0"
