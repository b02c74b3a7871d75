# Made from book/part1/01-introduction.md by tangle.py; edit there, or here and stitch. 464c9f4da483
"""A program that gets better: how long is a phrase of n words?"""

from nand2llm.lovelace import NOTE_G, lengths

EXAMPLES = lengths(NOTE_G)  # (words, characters) of each phrase
LEARNING_RATE = 0.001
STEPS = 12

w = 5.0  # characters a word: the typist's guess
for step in range(STEPS + 1):
    loss = slope = 0.0
    for words, characters in EXAMPLES:
        prediction = w * words
        error = prediction - characters
        loss += error * error / len(EXAMPLES)
        slope += 2 * error * words / len(EXAMPLES)
    bar = "#" * round(loss / 2)
    print(f"{step:3}  w = {w:.4f}  loss = {loss:6.2f}  {bar}")
    w -= LEARNING_RATE * slope

QUOTE = (
    "We may say most aptly that the Analytical Engine weaves "
    "algebraical patterns just as the Jacquard loom weaves "
    "flowers and leaves"
)
words = len(QUOTE.split())
print(f"\n{words} words, {len(QUOTE)} characters:", end=" ")
print(f"the typist says {5 * words}, the program {w * words:.0f}")
