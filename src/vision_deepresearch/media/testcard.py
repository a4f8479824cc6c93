"""A picture whose content is known and cannot be guessed: shows whether a model sees pictures."""

import random

from PIL import Image, ImageDraw, ImageFont

from vision_deepresearch.media.encode import to_png

_SIZE = (640, 320)
_INK, _PAPER = (20, 20, 20), (245, 240, 225)
_DIGITS = 5


def draw_testcard(rng: random.Random) -> tuple[bytes, str]:
    """Draw a five-digit number large on plain paper.

    Returns:
        The PNG and the number, which a model that sees nothing guesses once in 90,000.
    """
    number = str(rng.randint(10 ** (_DIGITS - 1), 10**_DIGITS - 1))
    card = Image.new("RGB", _SIZE, _PAPER)
    pen = ImageDraw.Draw(card)
    pen.rectangle((12, 12, _SIZE[0] - 13, _SIZE[1] - 13), outline=_INK, width=4)
    font = ImageFont.load_default(150)
    pen.text((_SIZE[0] / 2, _SIZE[1] / 2), number, fill=_INK, font=font, anchor="mm")
    return to_png(card), number
