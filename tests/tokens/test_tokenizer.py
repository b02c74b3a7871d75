"""Tokenizers by what they promise, on text made up by hypothesis."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nand2llm.bpe import (
    BPE,
    count_words,
    join,
    learn_merges,
    merged,
    train,
)
from nand2llm.pretokenize import PATTERNS, STAND_INS, pieces
from nand2llm.tokenizer import (
    Bytes,
    Characters,
    Tokenizer,
    load_tokenizer,
)
from nand2llm.unicode_classes import LETTERS, NUMBERS, SPACES, ranges

settings.register_profile("tokens", deadline=None)
settings.load_profile("tokens")

END = "<|end|>"
SAMPLE = (
    "the rain in Spain stays mainly in the plain; la pluie en Espagne "
    "tombe principalement dans la plaine. 1234 12 34, don't we'll 👍🏽 "
    "日本日本語 الله الله\n\n    return x\n    return y\n"
) * 3
BPES = {
    split: train([SAMPLE], 330, split, [END, "<|e"])
    for split in PATTERNS
}
WHOLE: list[Tokenizer] = [Bytes([END, "<|e"]), *BPES.values()]

# Any code points, and often those on which the rules turn.
TEXT = st.text(
    st.characters(codec="utf-8")
    | st.sampled_from(" \n\r\t'stlverSſ1a½éß🇫\u200d\u0301"),
    max_size=60,
)
WORDS = st.dictionaries(
    st.text("ab", min_size=1, max_size=12).map(str.encode)
    | st.text("abcd", min_size=1, max_size=6).map(str.encode),
    st.integers(1, 5),
    max_size=8,
)


@pytest.mark.parametrize("tokenizer", WHOLE, ids=lambda t: t.kind)
class TestEveryTokenizer:
    @given(data=st.binary(max_size=80))
    def test_any_bytes_survive(self, tokenizer, data):
        assert (
            tokenizer.decode_bytes(tokenizer.encode_bytes(data)) == data
        )

    @given(text=TEXT)
    def test_any_text_survives(self, tokenizer, text):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert all(0 <= token < tokenizer.vocab_size for token in ids)

    @given(
        parts=st.lists(
            TEXT | st.sampled_from([END, "<|e", "<|", "end|>"])
        )
    )
    def test_user_text_never_becomes_special(self, tokenizer, parts):
        text = "".join(parts)
        ids = tokenizer.encode(text)
        assert not set(ids) & set(tokenizer.specials.values())
        assert tokenizer.decode(ids) == text

    @given(parts=st.lists(TEXT.filter(lambda t: END not in t)))
    def test_a_named_special_is_found_everywhere(
        self, tokenizer, parts
    ):
        text = END.join(parts)
        ids = tokenizer.encode(text, [END])
        special = tokenizer.specials[END]
        assert ids.count(special) == text.count(END)
        assert tokenizer.decode(ids) == text

    @given(data=st.data())
    def test_a_stream_is_decode_in_small_steps(self, tokenizer, data):
        top = tokenizer.vocab_size - 1
        ids = data.draw(
            st.lists(st.integers(0, top))
            | TEXT.map(tokenizer.encode)
            | st.binary().map(tokenizer.encode_bytes)
        )
        stream = tokenizer.stream()
        text = "".join(map(stream.push, ids)) + stream.finish()
        assert text == tokenizer.decode(ids)

    @given(text=TEXT.filter(lambda t: "\ufffd" not in t))
    def test_a_stream_shows_no_half_characters(self, tokenizer, text):
        stream = tokenizer.stream()
        shown = [stream.push(token) for token in tokenizer.encode(text)]
        assert "\ufffd" not in "".join(shown)
        assert stream.finish() == ""

    def test_a_batch(self, tokenizer):
        texts = ["one", "", "two 2 zwei", SAMPLE]
        alone = [tokenizer.encode(text) for text in texts]
        assert tokenizer.encode_batch(texts) == alone
        assert tokenizer.encode_batch(iter(texts), threads=3) == alone

    def test_save_and_load(self, tokenizer, tmp_path):
        path = tmp_path / "t.json"
        tokenizer.save(path)
        again = load_tokenizer(path)
        assert type(again) is type(tokenizer)
        assert again.tokens == tokenizer.tokens
        assert again.specials == tokenizer.specials
        assert again.encode(SAMPLE) == tokenizer.encode(SAMPLE)
        again.save(tmp_path / "u.json")
        assert path.read_bytes() == (tmp_path / "u.json").read_bytes()

    @pytest.mark.parametrize("bad", [-1, 10**6])
    def test_ids_that_there_are_not(self, tokenizer, bad):
        with pytest.raises(ValueError, match=rf"{bad} at place 1"):
            tokenizer.decode([0, bad])

    def test_specials_that_there_are_not(self, tokenizer):
        with pytest.raises(ValueError, match=r"'<pad>'.*<\|end\|>"):
            tokenizer.encode("x", ["<pad>"])


def test_longer_specials_come_first():
    for tokenizer in WHOLE:
        ids = tokenizer.encode("<|end|><|e", [END, "<|e"])
        assert ids == [
            tokenizer.specials[END],
            tokenizer.specials["<|e"],
        ]


@given(text=TEXT)
def test_characters(text):
    tokenizer = Characters.train(text)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.vocab_size == len(set(text))


def test_an_unknown_character_is_named():
    with pytest.raises(ValueError, match="'é' is none of the 3"):
        Characters.train("cabbac").encode("cabé")


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("{", "line 1"),
        ("[]", "an object with a kind"),
        ('{"kind": "words"}', "'words' is none of bytes, characters"),
        ("{}", "None is none of"),
        ('{"kind": "bpe"}', "merges"),
        ('{"kind": "bpe", "merges": 3}', "int"),
        ('{"kind": "bpe", "merges": [[1, 2, 3]]}', "too many values"),
        ('{"kind": "bpe", "merges": [[1, 300]]}', "joins 1 and 300"),
        ('{"kind": "bpe", "merges": [[1, "2"]]}', "int"),
        ('{"kind": "bpe", "merges": [[1, 1.0]]}', "float"),
        ('{"kind": "bpe", "merges": [], "split": "gpt9"}', "gpt9"),
        ('{"kind": "bpe", "merges": [[1, 2], [1, 2]]}', "same token"),
        ('{"kind": "bpe", "merges": [], "order": [1, 2]}', "order"),
        ('{"kind": "bytes", "specials": ["a", "a"]}', "differ"),
        ('{"kind": "bytes", "specials": [""]}', "differ"),
        ('{"kind": "bytes", "color": "red"}', "color"),
        ('{"kind": "characters", "alphabet": "aba"}', "twice"),
        ("\ud800", "surrogate|decode"),
    ],
)
def test_a_bad_file_gives_one_line(tmp_path, text, complaint):
    path = tmp_path / "t.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError, match=complaint) as caught:
        load_tokenizer(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_half_a_surrogate_pair_is_named():
    for tokenizer in WHOLE:
        with pytest.raises(ValueError, match=r"U\+D83D at place"):
            tokenizer.encode("ab\ud83d")


class TestPieces:
    @given(text=TEXT, split=st.sampled_from([*PATTERNS]))
    def test_joined_they_are_the_text(self, text, split):
        found = pieces(text, split)
        assert "".join(found) == text
        assert all(found)

    @given(text=TEXT)
    def test_numbers_are_short_and_alone(self, text):
        numbers = {chr(p) for r in ranges(NUMBERS) for p in r}
        for piece in pieces(text, "gpt4"):
            inside = [c in numbers for c in piece]
            assert not any(inside) or (all(inside) and len(piece) <= 3)

    @given(text=TEXT)
    def test_letters_are_whole_words(self, text):
        letters = {chr(p) for r in ranges(LETTERS) for p in r}
        for split in PATTERNS:
            for a, b in pairwise(pieces(text, split)):
                assert a[0] == "'" or not (
                    a[-1] in letters and b[0] in letters
                )

    def test_by_hand(self):
        text = "It's 12345 o'clock,\n\n  isn’t\tit? x=1"
        assert pieces(text, "gpt4") == [
            "It", "'s", " ", "123", "45", " o", "'clock", ",\n\n",
            " ", " isn", "’t", "\tit", "?", " x", "=", "1",
        ]  # fmt: skip
        assert pieces(text, "gpt2") == [
            "It", "'s", " 12345", " o", "'", "clock", ",", "\n\n ",
            " isn", "’", "t", "\t", "it", "?", " x", "=", "1",
        ]  # fmt: skip

    def test_the_long_s(self):
        assert pieces("it'ſa", "gpt4") == ["it", "'ſ", "a"]
        assert pieces("it'ſa", "gpt2") == ["it", "'", "ſa"]


class TestClasses:
    def test_agree_with_this_pythons_unicode(self):
        """Where it knows the character, and hasn't changed its mind."""
        apart = 0
        classes = {"L": "x", "N": "0", "Z": "\t"}
        for point in range(0x80, sys.maxunicode + 1):
            category = unicodedata.category(chr(point))
            if category in ("Cn", "Cs"):
                continue
            expected = classes.get(category[0], "!")
            apart += STAND_INS[point].lower() not in (
                (expected, "s") if point == 0x17F else expected
            )
        new = sum(
            unicodedata.category(chr(p)) == "Cn"
            for runs in (LETTERS, NUMBERS)
            for r in ranges(runs)
            for p in r
        )
        # U+0085 is a control character, and white space.
        assert apart <= 1 or new == 0

    def test_spaces(self):
        separators = "\x1c\x1d\x1e\x1f"  # white space to Python alone
        assert set(SPACES) | set(separators) == {
            chr(p) for p in range(0x110000) if chr(p).isspace()
        }


def slowly(words: dict[bytes, int], n: int, least: int = 2):
    """The definition: count everything again for each merge."""
    rows = [(list(word), times) for word, times in words.items()]
    merges: list[tuple[int, int]] = []
    while len(merges) < n:
        counts: Counter[tuple[int, int]] = Counter()
        for row, times in rows:
            for pair in pairwise(row):
                counts[pair] += times
        if not counts or max(counts.values()) < least:
            break
        pair = min(counts, key=lambda p: (-counts[p], p))
        new = 256 + len(merges)
        rows = [(merged(row, pair, new), times) for row, times in rows]
        merges.append(pair)
    return merges


class TestMerges:
    @given(words=WORDS, n=st.integers(0, 12), least=st.integers(1, 3))
    def test_the_index_finds_what_counting_finds(self, words, n, least):
        assert learn_merges(words, n, least) == slowly(words, n, least)

    def test_on_real_words(self):
        words = count_words([SAMPLE], "gpt4")
        assert learn_merges(words, 80) == slowly(words, 80)

    @given(words=WORDS)
    def test_no_token_is_made_twice(self, words):
        BPE(learn_merges(words, 20, least=1))

    @given(words=WORDS, word=st.text("abcd", max_size=30))
    def test_join_is_merging_in_order(self, words, word):
        merges = learn_merges(words, 15, least=1)
        ids = list(word.encode())
        expected = ids
        for i, pair in enumerate(merges):
            expected = merged(expected, pair, 256 + i)
        ranks = {pair: 256 + i for i, pair in enumerate(merges)}
        assert join(ids, ranks) == expected

    def test_smaller_sizes_are_beginnings(self):
        large = train([SAMPLE], 320).merges
        assert train([SAMPLE], 290).merges == large[: 290 - 256]

    def test_ties_go_to_the_smallest_pair(self):
        words = {b"zy": 2, b"ab": 2, b"ac": 2}
        assert learn_merges(words, 3) == [
            tuple(b"ab"), tuple(b"ac"), tuple(b"zy"),
        ]  # fmt: skip

    def test_a_long_word_is_not_quadratic(self):
        class Counting(dict):
            asked = 0

            def get(self, *args):
                self.asked += 1
                return super().get(*args)

            def __contains__(self, key):
                self.asked += 1
                return super().__contains__(key)

        asked = []
        for n in (1000, 4000, 16000):
            ranks = Counting(BPES["gpt4"].ranks)
            join(list((b"therainstaysmainly" * n)[:n]), ranks)
            asked.append(ranks.asked / n)
        assert max(asked) < 5
        assert max(asked) < 1.1 * min(asked)


def test_the_file_is_plain_json(tmp_path):
    BPES["gpt4"].save(tmp_path / "t.json")
    record = json.loads((tmp_path / "t.json").read_text())
    assert [*record] == ["kind", "split", "merges", "specials"]
    assert record["specials"] == [END, "<|e"]
    assert all(len(pair) == 2 for pair in record["merges"])
