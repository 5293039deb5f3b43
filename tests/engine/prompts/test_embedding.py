"""Textual inversion: what is trained, what is told, what is written, and who can read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from engine.assembly.model import load_trained
from engine.errors import ConfigError
from engine.example import Example
from engine.families.base import Family
from engine.preview import Preview
from engine.prompts.embedding import LearnedWords
from schema.formulas.new_words import NewWords
from schema.run.layout import RunFolder
from schema.run.status import read_status
from tests.engine import tiny_flux, tiny_sd
from tests.engine.core.runs import equal, finished, kinds, names, rows, run_here, state_of

NewRun = Callable[..., RunFolder]
each_family = pytest.mark.parametrize("arch", ["sd1", "sd2", "sdxl"])
WORD: dict[str, Any] = {
    "network": None,
    "embedding": {"trigger": "zorb", "tokens": 3, "init_words": "red circle"},
    "train__lr": 1e-2,
}


def loaded(arch: str, path: Path) -> Any:
    if arch == "flux":
        return tiny_flux.load_flux(path)
    return tiny_sd.load_family(arch, path)


def taught(
    family: Any, kind: str = "safetensors", trigger: str = "zorb", count: int = 3
) -> LearnedWords:
    return LearnedWords(family, NewWords(trigger, count), "red circle", kind, "run")


def files_of(folder: RunFolder) -> list[str]:
    return [name for name in names(folder) if name.endswith((".safetensors", ".pt"))]


# -- what the text encoders learn


@pytest.mark.proves("embedding.init_words", "embedding.tokens")
@pytest.mark.parametrize("arch", ["sd1", "sd2", "sdxl", "flux"])
def test_the_new_rows_start_as_those_of_other_words(arch: str, models: dict[str, Path]) -> None:
    family = loaded(arch, models[arch])
    before = family.encode_prompts(["a red circle * on top"])
    state = taught(family).state_dict()
    for name, (encoder, tokenizer) in family.clip_encoders.items():
        ids = tokenizer("red circle *", add_special_tokens=False).input_ids
        embeddings = getattr(encoder, "text_model", encoder).embeddings
        table = embeddings.token_embedding.table.weight
        assert torch.equal(state[f"{name}.zorb"], table[ids])
    assert len(state) == (2 if arch == "sdxl" else 1)
    after = family.encode_prompts(["a zorb on top"])
    for name, part in before.parts.items():
        if arch != "flux" or name == "pooled":  # T5 learns no words
            torch.testing.assert_close(after.parts[name], part)


def test_fewer_tokens_than_words_take_the_first_ones(models: dict[str, Path]) -> None:
    family = loaded("sd1", models["sd1"])
    before = family.encode_prompts(["a red on top"]).parts["text"]
    taught(family, count=1)
    torch.testing.assert_close(family.encode_prompts(["a zorb on top"]).parts["text"], before)


def test_the_end_of_a_prompt_stays_where_it_was_with_old_configs(models: dict[str, Path]) -> None:
    """Encoders whose config says 2 pool at the largest token, which is a new one now."""
    family = loaded("sdxl", models["sdxl"])
    encoder = family.text_encoders["text_encoder_2"]
    pooling = [module for module in encoder.modules() if hasattr(module, "eos_token_id")]
    assert pooling
    usual = family.encode_prompts(["a red circle on top"]).parts["pooled"]
    for module in pooling:
        module.eos_token_id = 2
    assert torch.equal(family.encode_prompts(["a red circle on top"]).parts["pooled"], usual)
    taught(family, count=2)
    torch.testing.assert_close(family.encode_prompts(["a zorb on top"]).parts["pooled"], usual)


@pytest.mark.proves("embedding.trigger")
@pytest.mark.parametrize("word", ["circle", "Circle", "re"])
def test_a_word_that_the_tokenizer_knows_is_refused(word: str, models: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match=r"knows '.*' already"):
        taught(loaded("sd1", models["sd1"]), trigger=word)


@each_family
@pytest.mark.proves("embedding.trigger", "train.embedding_lr")
def test_only_the_new_rows_change(
    arch: str, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Family, dict[str, torch.Tensor]]] = []

    def loading(*args: Any, **options: Any) -> Any:
        trained = load_trained(*args, **options)
        family: Family = args[2]
        seen.append((family, all_weights(family)))
        return trained

    monkeypatch.setattr("engine.jobs.train.load_trained", loading)
    options = WORD | {"train__optimizer": "adamw", "train__optimizer_params__weight_decay": 0.5}
    folder = finished(new_run, arch=arch, train__steps=3, train__embedding_lr=0.02, **options)
    family, before = seen[0]
    changed = {
        name for name, now in all_weights(family).items() if not torch.equal(now, before[name])
    }
    assert changed == {name for name in before if name.endswith("token_embedding.rows")}
    assert len(changed) == (2 if arch == "sdxl" else 1)
    # They are a group of the optimizer, with a learning rate of its own, and nothing else is.
    assert {name for name in rows(folder)[3] if name.startswith("lr")} == {"lr/embedding"}
    assert rows(folder)[3]["lr/embedding"] == pytest.approx(0.02)
    other = finished(new_run, "usual", arch=arch, train__steps=1, **WORD)
    assert rows(other)[1]["lr/embedding"] == pytest.approx(WORD["train__lr"])


def all_weights(family: Family) -> dict[str, torch.Tensor]:
    modules = {d.name: d.module for d in family.denoisers} | family.text_encoders
    return {
        f"{component}.{name}": parameter.detach().clone()
        for component, module in modules.items()
        for name, parameter in module.named_parameters()
    }


def test_the_word_is_learned(new_run: NewRun) -> None:
    """On the same pictures and noise as a word that stays as it was."""
    usual = WORD | {"train__steps": 40, "train__batch_size": 4, "train__min_denoising_steps": 500}
    learned, still = (
        finished(new_run, name, **(usual | {"train__lr": rate}))
        for name, rate in (("learned", 0.03), ("still", 1e-12))
    )
    late = [[row["loss"] for row in rows(folder).values()][-20:] for folder in (learned, still)]
    assert sum(late[0]) < 0.99 * sum(late[1])


@pytest.mark.parametrize("arch", ["sd1", "sdxl", "flux"])
@pytest.mark.parametrize("network", [None, {"linear": 4}], ids=["alone", "beside a LoRA"])
def test_a_run_goes_on_bit_for_bit(
    new_run: NewRun, arch: str, network: dict[str, Any] | None
) -> None:
    options = WORD | {"arch": arch, "network": network, "train__ema_config": {"use_ema": True}}
    whole = finished(new_run, "whole", train__steps=6, **options)
    finished(new_run, "parts", train__steps=3, **options)
    parts = finished(new_run, "parts", train__steps=6, **options)
    assert equal(state_of(whole, 6), state_of(parts, 6))
    assert rows(parts)[6] == rows(whole)[6]


# -- what is told


@pytest.mark.proves("embedding.trigger")
def test_captions_get_the_word_and_the_text_encoder_its_tokens(
    new_run: NewRun, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[list[str]] = []
    spelled = NewWords.spelled_out

    def listening(words: NewWords, text: str) -> str:
        heard.append([text, spelled(words, text)])
        return heard[-1][1]

    monkeypatch.setattr(NewWords, "spelled_out", listening)
    finished(new_run, train__steps=1, datasets__replacements=["a photo of a red|[trigger], red"],
             **WORD)  # fmt: skip
    assert len(heard) == 2
    for told, read in heard:
        assert told.startswith(("zorb a photo of a ", "zorb, red"))
        assert read == told.replace("zorb", "zorb zorb_1 zorb_2")
    heard.clear()
    regular = [{"folder_path": str(pictures), "resolution": 64, "num_workers": 0}]
    regular.append(regular[0] | {"is_reg": True})
    finished(new_run, "regular", train__steps=2, **(WORD | {"datasets": regular}))
    assert ["zorb" in told for told, _ in heard] == [True, True, False, False]


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("a zorb", "a zorb zorb_1"),
        ("zorb zorb_1, Zorb", "zorb zorb_1, zorb zorb_1"),
        ("zorbs and azorb", "zorbs and azorb"),
        ("(zorb)", "(zorb zorb_1)"),
    ],
)
def test_the_word_is_found_by_itself_only(text: str, spelled: str) -> None:
    assert NewWords("zorb", 2).spelled_out(text) == spelled


@pytest.mark.proves("embedding.trigger_class_name")
def test_the_untrained_model_is_told_the_class_word(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[str]] = []
    before = Example.told_before.func  # type: ignore[attr-defined]

    def telling(example: Example) -> Any:
        found = before(example)
        words = example.kit.words
        assert words is not None
        told.append([words.taken_from(text) for text in example.batch.captions])
        with torch.no_grad():
            wanted = example.kit.family.encode_prompts(told[-1])
        assert torch.equal(found.parts["text"], wanted.parts["text"])
        return found

    monkeypatch.setattr(Example, "told_before", property(telling))
    options = WORD | {"network": {"linear": 4}, "datasets__prior_reg": True, "train__steps": 1}
    words = WORD["embedding"]
    named = finished(
        new_run, "named", **options | {"embedding": words | {"trigger_class_name": "dog"}}
    )
    assert all(text.startswith("dog a photo of") for text in told[0])
    plain = finished(new_run, "plain", **options)
    assert all(text.startswith("a photo of") for text in told[1])
    assert rows(named)[1]["loss"] != rows(plain)[1]["loss"]


@pytest.mark.proves("embedding.trigger")
def test_previews_show_the_word_as_it_is_by_then(
    new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two equal prompts but for the word; the one with the word changes while it is learned."""
    told: list[torch.Tensor] = []
    encode = Preview._encode

    def encoding(preview: Preview, wording: Any) -> Any:
        found = encode(preview, wording)
        if wording[0] == "a zorb":
            told.append(found.parts["text"].clone())
        return found

    monkeypatch.setattr(Preview, "_encode", encoding)
    options = WORD | {"train__disable_sampling": False, "sample__prompts": ["a [trigger]", "a dog"]}
    folder = finished(new_run, train__steps=3, sample__sample_every=3, **options)
    drawn = kinds(folder, "sample")
    assert [row["prompt"] for row in drawn] == ["a zorb", "a dog"] * (len(drawn) // 2)
    assert len(told) >= 3
    assert not torch.equal(told[-1], told[-2])


# -- what is written


@each_family
@pytest.mark.proves("embedding.save_format", "embedding.tokens")
def test_files_are_called_after_the_word_and_hold_its_rows(new_run: NewRun, arch: str) -> None:
    folder = finished(
        new_run, arch=arch, train__steps=4, save__save_every=1, save__max_step_saves_to_keep=2,
        **WORD,
    )  # fmt: skip
    assert files_of(folder) == [
        "zorb.safetensors", "zorb_000000003.safetensors", "zorb_000000004.safetensors",
    ]  # fmt: skip
    state = state_of(folder, 4)
    with safe_open(folder.path / "zorb.safetensors", "pt") as file:
        keys = ["clip_g", "clip_l"] if arch == "sdxl" else ["emb_params"]
        assert sorted(file.keys()) == keys
        assert file.metadata()["name"] == "zorb"
        assert file.metadata()["step"] == "4"
        assert json.loads(file.metadata()["string_to_token"]) == {"*": 265}
        for key in keys:
            name = "text_encoder_2" if key == "clip_g" else "text_encoder"
            assert torch.equal(file.get_tensor(key), state[f"{name}.zorb"])
            assert file.get_tensor(key).shape == (3, 32)


@pytest.mark.proves("embedding.save_format", "save.dtype")
def test_the_older_format_is_written_for_one_text_encoder(new_run: NewRun) -> None:
    words = WORD["embedding"] | {"save_format": "pt"}
    folder = finished(new_run, train__steps=2, save__save_every=1, save__dtype="bf16",
                      **(WORD | {"embedding": words}))  # fmt: skip
    assert files_of(folder) == ["zorb.pt", "zorb_000000001.pt", "zorb_000000002.pt"]
    content = torch.load(folder.path / "zorb_000000002.pt", weights_only=True)
    assert content["string_to_token"] == {"*": 265}
    assert (content["name"], content["step"]) == ("zorb", 2)
    vectors = content["string_to_param"]["*"]
    assert torch.equal(vectors, state_of(folder, 2)["text_encoder.zorb"].bfloat16())


def test_a_lora_beside_the_word_has_a_file_of_its_own(new_run: NewRun) -> None:
    options = WORD | {"network": {"linear": 4}, "train__unet_lr": 1e-4, "train__embedding_lr": 0.1}
    folder = finished(new_run, train__steps=3, save__save_every=1, save__max_step_saves_to_keep=1,
                      **options)  # fmt: skip
    assert files_of(folder) == [
        "run_LoRA.safetensors", "run_LoRA_000000003.safetensors",
        "zorb.safetensors", "zorb_000000003.safetensors",
    ]  # fmt: skip
    rates = {name: value for name, value in rows(folder)[3].items() if name.startswith("lr")}
    assert rates == pytest.approx({"lr/unet": 1e-4, "lr/embedding": 0.1})
    with safe_open(folder.path / "run_LoRA.safetensors", "pt") as file:
        assert all("lora" in key for key in file.keys())  # noqa: SIM118


def test_what_a_killed_save_left_is_gone_at_the_next_start(new_run: NewRun) -> None:
    options = WORD | {"network": {"linear": 4}}
    folder = finished(new_run, train__steps=1, **options)
    halves = [".zorb_000000002.safetensors.abc12345", ".run_LoRA.safetensors.abc12345"]
    for name in [*halves, ".zorbs.txt"]:
        (folder.path / name).touch()
    finished(new_run, train__steps=2, **options)
    assert not set(halves) & set(names(folder))
    assert ".zorbs.txt" in names(folder)


def test_validation_measures_with_the_word_as_it_is_by_then(
    new_run: NewRun, pictures: Path
) -> None:
    held_out = {
        "validate_every_n_steps": 1,
        "validation_sigmas": [0.5],
        "validation_items": [
            {"prompt": "a [trigger]", "image_path": str(pictures / "picture_000.png")}
        ],
    }
    options = WORD | {"train__validation_config": held_out, "train__steps": 2}
    folder = finished(new_run, **options)
    losses = [row["val/loss"] for row in rows(folder).values() if "val/loss" in row]
    assert len(set(losses)) == 2


# -- who can read it


def theirs(arch: str, path: Path) -> Any:
    import diffusers

    kind = "StableDiffusionXLPipeline" if arch == "sdxl" else "StableDiffusionPipeline"
    pipeline = getattr(diffusers, kind).from_pretrained(path)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.mark.parametrize(
    ("arch", "kind"), [("sd1", "safetensors"), ("sd1", "pt"), ("sd2", "safetensors"),
                       ("sdxl", "safetensors")],
)  # fmt: skip
@pytest.mark.proves("embedding.save_format")
def test_diffusers_loads_the_word_and_means_the_same(
    arch: str, kind: str, models: dict[str, Path], tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    family = loaded(arch, models[arch])
    words = taught(family, kind)
    torch.manual_seed(3)
    for parameter in words.groups["embedding"].values():
        parameter.data = torch.randn_like(parameter)
    (path,) = words.save(tmp_path / "run.safetensors", torch.float32, {})
    pipeline = theirs(arch, models[arch])
    prompt = "a photo of zorb on top"
    ours = family.encode_prompts([prompt]).parts
    if arch == "sdxl":
        state = load_file(path)
        for key, number in (("clip_l", ""), ("clip_g", "_2")):
            pipeline.load_textual_inversion(
                {"emb_params": state[key]}, token="zorb",
                text_encoder=getattr(pipeline, f"text_encoder{number}"),
                tokenizer=getattr(pipeline, f"tokenizer{number}"),
            )  # fmt: skip
        text, _, pooled, _ = pipeline.encode_prompt(prompt, device="cpu", num_images_per_prompt=1,
                                                    do_classifier_free_guidance=False)  # fmt: skip
        torch.testing.assert_close(ours["pooled"], pooled)
    else:
        pipeline.load_textual_inversion(str(path.parent), weight_name=path.name, token="zorb")
        text, _ = pipeline.encode_prompt(prompt, "cpu", 1, False)
    torch.testing.assert_close(ours["text"], text)


# -- what cannot be


@pytest.mark.parametrize("fault", [{"trigger": "circle"}])
def test_a_run_says_so_before_training(new_run: NewRun, fault: dict[str, Any]) -> None:
    folder = new_run(train__steps=1, **(WORD | {"embedding": fault}))
    assert run_here(folder) != 0
    assert "knows 'circle' already" in json.dumps(read_status(folder))
