"""The demo's pictures and tokenizer are functions of a seed: the same in every process."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from engine.demo import pictures, tokens
from tests.demo.detector import split_inks

ASSETS = Path(pictures.__file__).parent / "assets"

FINGERPRINT = """
import hashlib
from engine.demo import pictures, tokens
digest = hashlib.sha256()
for picture in [*pictures.base_pictures(40), *pictures.zorb_pictures(10)]:
    digest.update(picture.image.tobytes() + picture.caption.encode() + picture.name.encode())
digest.update(pictures.flat_scene(0, 7).tobytes())
digest.update(repr(tokens.vocabulary()).encode())
print(digest.hexdigest())
"""


def pixels(image: Image.Image) -> bytes:
    return image.convert("RGB").tobytes()


def test_two_processes_with_other_hash_seeds_draw_the_same_pixels_and_words() -> None:
    prints = [
        subprocess.run(
            [sys.executable, "-c", FINGERPRINT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert prints[0] == prints[1]


def test_the_pictures_that_ship_are_the_ones_the_generator_draws() -> None:
    shipped = sorted((ASSETS / "images").glob("*.png"))
    drawn = list(pictures.zorb_pictures())
    assert [path.stem for path in shipped] == [picture.name for picture in drawn]
    assert 24 <= len(shipped) <= 40
    for path, picture in zip(shipped, drawn, strict=True):
        with Image.open(path) as image:
            # a later Pillow may round one edge differently; a moved or recoloured shape is far off
            apart = np.abs(np.asarray(image, dtype=int) - np.asarray(picture.image, dtype=int))
        assert apart.mean() < 0.5, path.name
        assert path.with_suffix(".txt").read_text(encoding="utf-8").strip() == picture.caption


def test_other_seeds_and_other_numbers_draw_other_pictures() -> None:
    first = [pixels(picture.image) for picture in pictures.zorb_pictures(20)]
    assert len({hashlib.sha256(image).digest() for image in first}) == 20
    other = [pixels(picture.image) for picture in pictures.zorb_pictures(20, seed=1)]
    assert not set(first) & set(other)
    assert pixels(pictures.flat_scene(0, 0)) != pixels(pictures.flat_scene(0, 1))


def test_the_base_pictures_name_every_combination_equally_often() -> None:
    kinds = len(pictures.SHAPES) * len(pictures.COLOURS) * len(pictures.POSITIONS)
    counts = Counter(picture.caption for picture in pictures.base_pictures(2 * kinds))
    assert len(counts) == kinds
    assert set(counts.values()) == {2}


def test_the_base_pictures_hold_nothing_of_the_concept() -> None:
    for picture in pictures.base_pictures(240):
        assert not split_inks(picture.image).by_colour["purple"].any()
        assert not {pictures.TRIGGER, "purple", "ring"} & set(picture.caption.split())


def test_every_zorb_caption_names_the_trigger_word_and_a_known_place() -> None:
    for picture in pictures.zorb_pictures():
        article, word, place = picture.caption.split(" ", 2)
        assert (article, word) == ("a", pictures.TRIGGER)
        assert place in pictures.POSITIONS


def test_write_folder_puts_a_caption_beside_each_picture(tmp_path: Path) -> None:
    count = pictures.write_folder(pictures.zorb_pictures(3), tmp_path / "new" / "folder")
    names = sorted(path.name for path in (tmp_path / "new" / "folder").iterdir())
    assert count == 3
    assert names == [f"zorb_0{n}.{kind}" for n in (1, 2, 3) for kind in ("png", "txt")]


def test_the_bytes_of_the_vocabulary_are_those_of_clip() -> None:
    letters = tokens.byte_letters()
    assert len(set(letters)) == 256
    assert letters[ord("a")] == "a"
    assert letters[ord(" ")] == "\u0120"
    assert letters[ord("\n")] == "\u010a"


def test_the_demos_words_are_one_token_and_others_are_several() -> None:
    tokenizer = tokens.new_tokenizer()
    caption = "an orange triangle at the bottom"
    assert tokenizer.tokenize(caption) == [word + "</w>" for word in caption.split()]
    for word in tokens.WORDS:
        assert tokenizer.tokenize(word) == [word + "</w>"]
    assert len(tokenizer.tokenize(pictures.TRIGGER)) > 1
    assert tokenizer.eos_token_id == len(tokenizer) - 1
    ids = tokenizer("A zorb; Ünïcode, too!").input_ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "a zorb ; ünïcode , too !"


def test_the_tokenizer_that_ships_is_the_one_that_is_built() -> None:
    built, merges = tokens.vocabulary()
    folder = ASSETS / "model" / "tokenizer"
    assert json.loads((folder / "vocab.json").read_text(encoding="utf-8")) == built
    shipped = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert shipped == [" ".join(pair) for pair in merges]
