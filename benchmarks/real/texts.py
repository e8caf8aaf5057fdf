"""Texts: sentences, words, pages and lines as pictures, and the bytes of files."""

from __future__ import annotations

import io
import json
import zipfile
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

ENGLISH = (
    "The old lamp on the harbour wall had not been lit for many years when the boy found it.",
    "She opened the window, and the smell of rain came in with the first light of the morning.",
    "Nobody in the village could say where the river went after it left the last of the fields.",
    "He counted the coins twice, put them back into the box, and said that there was one too many.",
    "After the storm the two ships lay side by side in the bay as if nothing had happened.",
    "My grandmother kept her letters in a drawer of the kitchen table, tied with a blue ribbon.",
    "They walked along the railway for an hour before they saw the lights of the station.",
    "It was the kind of winter in which even the birds seemed to stay at home and wait.",
    "The teacher drew a circle on the board and asked the children how far it was around it.",
    "When the train stopped between two towns, everybody looked up from their newspapers at once.",
    "There is a bridge in the north of the city that nobody remembers having built.",
)
THAI = (
    "วันนี้อากาศดีมากเราจึงไปเดินเล่นที่สวนสาธารณะใกล้บ้าน",
    "ร้านอาหารแห่งนี้มีชื่อเสียงเรื่องก๋วยเตี๋ยวเรือและข้าวผัด",
    "นักเรียนทุกคนต้องส่งการบ้านภาษาไทยก่อนวันศุกร์หน้า",
    "รถไฟจากกรุงเทพไปเชียงใหม่ใช้เวลาประมาณสิบสองชั่วโมง",
    "แม่ของฉันชอบปลูกต้นไม้และดอกไม้หลายชนิดในสวนหลังบ้าน",
    "เด็กเด็กกำลังเล่นฟุตบอลอยู่หน้าโรงเรียนตอนเย็น",
    "เขาทำงานเป็นวิศวกรคอมพิวเตอร์ในบริษัทขนาดใหญ่",
    "ตลาดน้ำเปิดทุกวันเสาร์และอาทิตย์ตั้งแต่เช้าจนถึงเย็น",
    "หนังสือเล่มนี้เล่าเรื่องประวัติศาสตร์ของเมืองเก่า",
    "คุณหมอแนะนำให้ดื่มน้ำวันละแปดแก้วและพักผ่อนให้เพียงพอ",
    "ฝนตกหนักตลอดทั้งคืนทำให้ถนนหลายสายมีน้ำท่วมขัง",
)
Bytes = NDArray[np.uint8]


def page(seed: int, height: int, width: int) -> Bytes:
    """Return a picture (height, width, 3) with lines of text of several sizes and greys."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), _grey(rng, 215, 256))
    draw, top = ImageDraw.Draw(image), int(rng.integers(4, 14))
    while top < height - 14:
        size = int(rng.integers(11, 22))
        sentence = ENGLISH[rng.integers(len(ENGLISH))]
        first = int(rng.integers(0, len(sentence) // 2))
        place = (int(rng.integers(4, width // 4)), top)
        draw.text(place, sentence[first:], _grey(rng, 0, 90), ImageFont.load_default(size))
        top += size + int(rng.integers(4, 14))
    return np.asarray(image)


def line(seed: int, height: int, width: int, *, upside_down: bool = False) -> Bytes:
    """Return a picture (height, width, 3) of one line of text."""
    rng = np.random.default_rng(seed)
    image = Image.new("RGB", (width, height), _grey(rng, 200, 256))
    words = ENGLISH[rng.integers(len(ENGLISH))].split()
    first = int(rng.integers(0, len(words) - 4))
    font = ImageFont.load_default(int(height * rng.uniform(0.5, 0.7)))
    place = (int(rng.integers(2, 12)), height // 2)
    text = " ".join(words[first:])
    ImageDraw.Draw(image).text(place, text, _grey(rng, 0, 100), font, anchor="lm")
    return np.asarray(image.rotate(180) if upside_down else image)


def _grey(rng: np.random.Generator, low: int, high: int) -> tuple[int, ...]:
    return (int(rng.integers(low, high)),) * 3


def files() -> list[bytes]:
    """Return the contents of eleven files of different types."""
    lines = "\n".join(ENGLISH)
    picture = io.BytesIO()
    Image.fromarray(page(0, 96, 160)).save(picture, "PNG")
    photo = io.BytesIO()
    Image.fromarray(page(1, 96, 160)).save(photo, "JPEG")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr(zipfile.ZipInfo("letters.txt"), lines)
    rows = "".join(f"{row},{row * row},{ENGLISH[row % 11].split()[1]}\n" for row in range(90))
    paragraphs = "".join(f"<p>{one}</p>\n" for one in ENGLISH)
    html = f"<!DOCTYPE html>\n<html><head><title>Letters</title></head><body>\n{paragraphs}</body>"
    python = "".join(
        f"def area_{n}(width: float) -> float:\n    '''Return {n}.'''\n    return {n} * width\n\n\n"
        for n in range(25)
    )
    c = "#include <stdio.h>\n\nint main(void) {\n" + "".join(
        f'  printf("%d\\n", {n} * {n});\n' for n in range(60)
    )
    shell = "#!/bin/sh\nset -e\n" + "".join(f"test -f part{n} || exit {n}\n" for n in range(60))
    return [
        lines.encode(),
        picture.getvalue(),
        photo.getvalue(),
        archive.getvalue(),
        f"number,square,word\n{rows}".encode(),
        f"{html}</html>\n".encode(),
        f'"""Areas."""\n\n\n{python}'.encode(),
        f"{c}  return 0;\n}}\n".encode(),
        shell.encode(),
        json.dumps([{"line": n, "text": one} for n, one in enumerate(ENGLISH)], indent=2).encode(),
        zlib.compress(lines.encode() * 9, 9),
    ]
