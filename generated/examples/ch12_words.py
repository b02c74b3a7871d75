# Made from book/part3/12-embeddings.md by tangle.py; edit there, or here and stitch. 739640aad402
"""Learn the book's words from the book; tell who is near whom."""

import sys

import numpy as np

from nand2llm.bag import Bag, Vocabulary, learn, windows
from nand2llm.neighbors import directions, nearest
from nand2llm.similar import words
from nand2llm.thebook import frozen

texts = [words(document.text) for document in frozen()]
known = Vocabulary(texts, 1024)
rng = np.random.default_rng(12)
model = Bag(len(known), 32, rng)
losses = learn(model, *windows(map(known.encode, texts), 3), rng)
print(f"{len(losses)} steps, {losses[0]:.2f} to {losses[-1]:.2f} nats")

rows = directions(model.table.weight.numpy())
for word in sys.argv[1:] or ["row", "gradient", "loss", "float"]:
    if word not in known.numbers:
        print(f"{word}: not among the {len(known) - 1} words I know")
        continue
    i = known.numbers[word]
    print(f"{word}, which occurs {known.counts[word]} times:")
    for j, cosine in nearest(rows, rows[i], 6, skip=(i, 0)):
        bar = "#" * round(40 * cosine)
        print(f"  {known.words[j]:12} {cosine:.2f} {bar}")
