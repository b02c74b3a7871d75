# Made from book/part3/11-tokenization.md by tangle.py; edit there, or here and stitch. bd52dd2c543a
import json
import random

import pytest

from nand2llm.bpe import BPE, join, learn_merges, merged, train
from nand2llm.pretokenize import pieces
from nand2llm.tokenizer import Bytes, Characters, load_tokenizer
from nand2llm.unicode_classes import LETTERS, NUMBERS, ranges


def test_bytes_lose_nothing():
    everything = bytes(range(256))
    ids = Bytes().encode_bytes(everything)
    assert ids == list(range(256))
    assert Bytes().decode_bytes(ids) == everything


def test_characters():
    tokenizer = Characters.train("hello")
    assert tokenizer.encode("hole") == [1, 3, 2, 0]
    with pytest.raises(ValueError, match="'p' is none of the 4"):
        tokenizer.encode("help")


def test_ids_are_checked():
    for bad in (-1, 256):
        with pytest.raises(ValueError, match=f"token {bad} at place 1"):
            Bytes().decode([97, bad])
def test_merged():
    assert merged([7, 7, 7], (7, 7), 256) == [256, 7]
    assert merged([1, 2, 1, 2, 1], (1, 2), 300) == [300, 300, 1]


def test_the_rhyme():
    rhyme = b"she sells sea shells on the sea shore"
    words = {word: rhyme.split().count(word) for word in rhyme.split()}
    he, se, ll, she, sea, lls = learn_merges(words, 100)
    assert he == tuple(b"he") and se == tuple(b"se")
    assert (ll, she) == (tuple(b"ll"), (ord("s"), 256))
    assert (sea, lls) == ((257, ord("a")), (258, ord("s")))
def test_pieces_are_the_text():
    text = "I'll take 1234567 of x_1,\r\n\n  \tplease — été ſ '\x1c\x85"
    for split in ("gpt2", "gpt4"):
        assert "".join(pieces(text, split)) == text


def test_spaces_go_with_what_follows():
    assert pieces("a    b", "gpt4") == ["a", "   ", " b"]
    assert pieces("a  \n\n  b", "gpt4") == ["a", "  \n\n", " ", " b"]
    assert pieces("12345", "gpt4") == ["123", "45"]
    assert pieces("12345", "gpt2") == ["12345"]


def test_classes():
    letters = {chr(p) for points in ranges(LETTERS) for p in points}
    numbers = {chr(p) for points in ranges(NUMBERS) for p in points}
    assert set("aZéßжſ\u05d0\u3042\u4e2d") <= letters
    assert set("09²½Ⅷ\u0663") <= numbers
    assert not set(" _'\u0301\u200d🙂") & (letters | numbers)
def test_join_is_merging_in_order():
    rng = random.Random(11)
    for _ in range(300):
        merges = []
        for new in range(4, 12):
            merges.append((rng.randrange(new), rng.randrange(new)))
        merges = list(dict.fromkeys(merges))
        ranks = {pair: 4 + i for i, pair in enumerate(merges)}
        ids = expected = [rng.randrange(4) for _ in range(20)]
        for pair, new in ranks.items():
            expected = merged(expected, pair, new)
        assert join(ids, ranks) == expected
END = "<|end|>"
PLAIN = BPE([(60, 124), (124, 62)], specials=[END, "<|"])


def test_user_text_is_text():
    for text in (END, "a<|end|><|end|>", "<|<|end|>|>", "<|"):
        ids = PLAIN.encode(text)
        assert max(ids) < PLAIN.specials[END]
        assert PLAIN.decode(ids) == text


def test_named_specials_are_found():
    ids = PLAIN.encode("<|<|end|>", [END])
    assert ids == [256, PLAIN.specials[END]]
    ids = PLAIN.encode("<|<|end|>", [END, "<|"])
    assert ids == [PLAIN.specials["<|"], PLAIN.specials[END]]


def test_unknown_specials_are_refused():
    with pytest.raises(ValueError, match="no special token '<pad>'"):
        PLAIN.encode("x", ["<pad>"])
def test_whole_characters():
    stream = Bytes().stream()
    text = "né🙂\u200d∇"
    shown = [stream.push(byte) for byte in text.encode()]
    assert "".join(shown) == text and "\ufffd" not in shown
    assert stream.finish() == ""


def test_half_a_character_is_not_lost_silently():
    stream = Bytes().stream()
    for ids in ([0xF0, 0x9F], [0xE2, 0x82, 65], [0xFF, 66], []):
        text = "".join(map(stream.push, ids)) + stream.finish()
        assert text == Bytes().decode(ids)
def test_a_file_makes_the_same_tokenizer(tmp_path):
    text = "the theme of the thesis, thé, théâtre\n" * 3
    bpe = train([text], 280, "gpt2", specials=["<|bos|>"])
    bpe.save(tmp_path / "t.json")
    again = load_tokenizer(tmp_path / "t.json")
    assert isinstance(again, BPE) and again.split == "gpt2"
    assert again.tokens == bpe.tokens
    assert again.encode(text) == bpe.encode(text)


def test_bad_merges_are_refused():
    with pytest.raises(ValueError, match=r"only 0\.\.256"):
        BPE([(1, 2), (257, 3)])
    with pytest.raises(ValueError, match="same token, b'abc'"):
        BPE([(97, 98), (98, 99), (97, 257), (256, 99)])


def test_gpt2s_files(tmp_path):
    vocabulary, merges = tmp_path / "vocab.json", tmp_path / "merges"
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    names = list(map(chr, visible))
    names += [chr(256 + i) for i in range(256 - len(names))]
    names += ["Ġt", "Ġth", "<|endoftext|>"]
    ids = {name: i for i, name in enumerate(names)}
    vocabulary.write_text(json.dumps(ids))
    merges.write_text("#version: 0.2\nĠ t\nĠt h\n", encoding="utf-8")
    bpe = BPE.from_gpt2(vocabulary, merges)
    assert bpe.encode("! th\n") == [0, 257, 198]
    assert bpe.specials == {"<|endoftext|>": 258}
    ids["Ġth"] = 300
    vocabulary.write_text(json.dumps(ids))
    with pytest.raises(ValueError, match="merge 1 is not token 257"):
        BPE.from_gpt2(vocabulary, merges)
