"""Take the README's pictures anew, of a demo that runs: `make demo` in one terminal, `make pictures` in another.

Each is the first of its addresses on which all names are written in scripts that usual fonts have.
"""

import base64
import binascii
import json
import os
import re
import struct
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from playwright.sync_api import Error, Page, sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.browser.pages import sign_in

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "docs" / "pictures"
MOST_BYTES: Final = 150 * 1024
WIDTH: Final = 1440
# Devanagari to Thai, Hangul, and what is written in Chinese and Japanese: boxes where a machine has few fonts.
_RARE: Final = re.compile(r"[\u0900-\u0eff\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_ADMIN: Final = "/admin/campaigns"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the story: whose, of which address, how high, and what is scrolled to."""

    name: str
    addresses: tuple[str, ...]
    height: int = 760
    login: str = "manager"
    scroll_to: str = ""


def story(route: int, group: int, find: str) -> list[Picture]:
    """Return the pictures, in the README's order, of a campaign, its group, and the list for a campaign to come."""
    posts, codes = f"{_ADMIN}/campaignpost/?campaign={route}", f"{_ADMIN}/perkcode/?campaign={route}"
    missing = "&label_state__exact=missing"
    return [
        Picture("profile", ("/p/amara_eats_toronto",), 1180),
        Picture("influencers", (find, f"{find}&o=3", f"{find}&o=-3"), 860),
        Picture("1-campaign", (f"{_ADMIN}/campaign/{route}/change/",), 700, scroll_to="fieldset:has(#id_name)"),
        Picture("2-group", (f"{_ADMIN}/selection/{group}/change/",)),
        Picture("3-overlap", (f"{_ADMIN}/campaign/{route}/overlap/",), 560),
        Picture("4-invited", ("/me",), 860, "influencer"),
        Picture("5-answers", (f"{_ADMIN}/campaign/{route}/change/",), 560),
        Picture("6-codes", tuple(f"{codes}&state__exact=redeemed&o={order}" for order in ("4", "-4", "6", "-6")), 560),
        Picture("7-posts", tuple(f"{posts}{more}" for more in (f"{missing}&o=-6", f"{missing}&o=2", "&o=2", "")), 560),
        Picture("8-return", (f"{_ADMIN}/campaign/{route}/return/",), 1240),
    ]


def main() -> int:
    """Take them; return what the process ends with."""
    sheet = json.loads((Path(os.environ.get("SWAY_DATA", ROOT / ".data")) / "demo.json").read_text(encoding="utf-8"))
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            pages = {name: browser.new_context().new_page() for name in ("manager", "influencer")}
            for name, page in pages.items():
                sign_in(page, sheet["address"], **sheet["logins"][name])
        except Error as error:
            print(f"No demo answers at {sheet['address']}: start it with make demo. ({error.message.splitlines()[0]})")
            return 2
        blank = browser.new_page()
        for picture in story(*_found(pages["manager"], sheet["address"])):
            size = _take(pages[picture.login], sheet["address"], picture, blank)
            print(f"{size // 1024:4} KiB  {picture.name}.png")
            if size > MOST_BYTES:
                print(f"That is more than {MOST_BYTES // 1024} KiB: make it lower.")
                return 1
        browser.close()
    return 0


def _found(page: Page, address: str) -> tuple[int, int, str]:
    """Return the numbers of the campaign that is over and of its group, and the list for one that is to come."""
    page.goto(f"{address}{_ADMIN}/selection/?q=Toronto+route&o=1")
    group = page.locator("#result_list tbody a[href*='/selection/']").first.get_attribute("href") or ""
    page.goto(f"{address}{_ADMIN}/campaign/?q=Toronto+route")
    campaign = page.locator("#result_list tbody a[href*='/campaign/']").first.get_attribute("href") or ""
    page.goto(f"{address}{_ADMIN}/campaign/?q=First+flights")
    page.locator("#result_list tbody a[href*='/campaign/']").first.click()
    find = page.get_by_role("link", name="Find more influencers").first.get_attribute("href") or ""
    number, of_group = (int(re.findall(r"/(\d+)/change", link)[0]) for link in (campaign, group))
    return number, of_group, find


def _take(page: Page, address: str, picture: Picture, blank: Page) -> int:
    page.set_viewport_size({"width": WIDTH, "height": picture.height})
    for each in picture.addresses:
        page.goto(address + each)
        page.wait_for_load_state("networkidle")
        if picture.scroll_to:
            page.locator(picture.scroll_to).evaluate("found => found.scrollIntoView({block: 'start'})")
        if not _RARE.search(page.evaluate(_SEEN)):
            break
    png = _with_few_colours(page.screenshot(), blank)
    (FOLDER / f"{picture.name}.png").write_bytes(png)
    return len(png)


# The text of what lies within the window.
_SEEN: Final = """() => [...document.querySelectorAll('b, span, td, a')]
    .filter(found => { const box = found.getBoundingClientRect(); return box.top < innerHeight && box.bottom > 0 })
    .map(found => found.textContent).join(' ')"""
# Chromium reads what it wrote: no other reader of pictures is needed.
_PIXELS: Final = """async png => {
    const picture = await createImageBitmap(await (await fetch('data:image/png;base64,' + png)).blob());
    const canvas = new OffscreenCanvas(picture.width, picture.height), pen = canvas.getContext('2d');
    pen.drawImage(picture, 0, 0);
    const bytes = pen.getImageData(0, 0, picture.width, picture.height).data;
    let text = '';
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return [picture.width, picture.height, btoa(text)];
}"""


def _with_few_colours(png: bytes, blank: Page) -> bytes:
    """Return a picture with 256 colours at most, others as the nearest of these."""
    width, height, text = blank.evaluate(_PIXELS, base64.b64encode(png).decode())
    pixels = np.frombuffer(base64.b64decode(text), dtype=np.uint8).reshape(-1, 4)[:, :3].astype(np.int64)
    packed = pixels[:, 0] << 16 | pixels[:, 1] << 8 | pixels[:, 2]
    colours, place, counts = np.unique(packed, return_inverse=True, return_counts=True)
    palette = _unpacked(_palette(colours, counts))
    nearest = ((_unpacked(colours)[:, None, :] - palette[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
    rows = nearest[place].astype(np.uint8).reshape(height, width)
    lines = np.concatenate([np.zeros((height, 1), dtype=np.uint8), rows], axis=1)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette.astype(np.uint8).tobytes()))
    body = (*chunks, (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in body)


def _palette(colours: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the commonest colour of each of 256 kinds: of those alike in the upper five bits of each part."""
    kinds, of = np.unique(colours & 0xF8F8F8, return_inverse=True)
    together = np.bincount(of, weights=counts)
    commonest = np.lexsort((-counts, of))
    first = commonest[np.searchsorted(of[commonest], np.arange(kinds.size))]
    return colours[first[np.argsort(-together, kind="stable")[:256]]]


def _unpacked(colours: npt.NDArray[np.int64]) -> Any:
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", binascii.crc32(name + data))


if __name__ == "__main__":
    sys.exit(main())
