# Made from book/part1/02-numbers-bits-and-arrays.md by tangle.py; edit there, or here and stitch. 8e130ee2f401
"""Chapter 1's letters again, three hundred steps by whole tables."""

from nand2llm.array import array
from nand2llm.letters import SYMBOLS, letters
from nand2llm.lovelace import NOTE_G
from nand2llm.tables import count_pairs, learn_table, table_loss

counts = count_pairs(letters(NOTE_G))  # (27, 27)
print("steps   loss  belief in what came")
for steps in (0, 1, 3, 10, 30, 100, 300):
    beliefs = learn_table(counts, learning_rate=70.0, steps=steps)
    loss = len(SYMBOLS) * table_loss(beliefs, counts)
    belief = ((counts * beliefs).sum() / counts.sum()).item()
    bar = "#" * round(100 * belief)
    print(f"{steps:5}  {loss:.3f}  {belief:.3f} {bar}")

print("\nafter   most likely")
order = array(range(len(SYMBOLS)))
for letter in "tqvy":
    row = beliefs[SYMBOLS.index(letter)]  # (27,), a view
    best = (order * (row == row.max())).max().item()
    print(f"{letter:5}   {SYMBOLS[int(best)]!r} {row.max().item():.3f}")
