# Made from book/part1/01-introduction.md by tangle.py; edit there, or here and stitch. b93ee10b6a56
"""Watch a table of beliefs learn to anticipate Ada Lovelace."""

from itertools import pairwise

from nand2llm.letters import SYMBOLS, NextLetter, letters, questions
from nand2llm.loop import learn
from nand2llm.lovelace import NOTE_G

LEARNING_RATE = 70.0
INSTALLMENTS = (0, 1, 3, 10, 30, 100, 300)

text = letters(NOTE_G)
examples = questions(text)
model = NextLetter()
print("steps   loss  belief in what came      what it writes")
for before, steps in pairwise((0, *INSTALLMENTS)):
    losses = learn(model, examples, LEARNING_RATE, steps - before)
    truths = [model.predict(a + b) for a, b in pairwise(text)]
    belief = sum(truths) / len(truths)
    bar = "#" * round(100 * belief)
    per_letter = len(SYMBOLS) * losses[-1]
    numbers = f"{steps:5}  {per_letter:.3f}  {belief:.3f}"
    print(f"{numbers} {bar:19}  {model.write(34, seed=4)}")
