#!/usr/bin/env python3
"""Opens report pages in headless Chromium: nothing overflows, Chinese shows, no scripts, pictures kept.

    pictures.py CHROMIUM PROJECT OUTPUT

PROJECT is a demo project's folder; a picture of each page at 1280 and 380 pixels, light and dark, goes to
OUTPUT for a person to look at. Exit code 1 if anything is wrong.
"""

import html
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
    "--allow-file-access-from-files",
]
# The page stands in a frame, since a headless window is never narrower than 500 pixels. What is measured
# comes back as the wrapper's title.
WRAPPER = """<!doctype html><meta charset="utf-8"><title>-</title><body style="margin:0">
<iframe id="page" src="{page}" style="border:0;width:{width}px;height:{height}px"></iframe>
<script>
document.getElementById('page').onload = () => {{
  const page = document.getElementById('page').contentDocument;
  const root = page.documentElement;
  const family = getComputedStyle(page.body).fontFamily;
  const canvas = document.createElement('canvas');
  const draw = character => {{
    canvas.width = canvas.height = 40;
    const context = canvas.getContext('2d');
    context.font = '32px ' + family;
    context.fillText(character, 2, 32);
    return canvas.toDataURL();
  }};
  const wide = [...page.querySelectorAll('body *')]
    .filter(element => {{
      const box = element.getBoundingClientRect();
      if (box.right <= {width} + 1 || box.width === 0) return false;
      for (let up = element; up; up = up.parentElement) {{
        const overflow = getComputedStyle(up).overflowX;
        if (overflow === 'auto' || overflow === 'scroll' || overflow === 'hidden') return false;
      }}
      return true;
    }})
    .map(element => element.tagName + '.' + (element.getAttribute('class') || '')).slice(0, 5);
  document.title = JSON.stringify({{
    scrollWidth: root.scrollWidth, height: root.scrollHeight, wide,
    language: root.lang, scripts: page.scripts.length,
    background: getComputedStyle(page.body).backgroundColor, color: getComputedStyle(page.body).color,
    distinct: new Set(['转', '化', '率', '曝', 'A'].map(draw)).size,
    text: page.body.innerText.length, pictures: page.querySelectorAll('svg[role=img]').length,
    untitled: [...page.querySelectorAll('svg[role=img]')].filter(svg => !svg.querySelector('title')).length,
  }});
}};
</script>"""


def chromium(binary, arguments, url):
    profile = tempfile.mkdtemp()
    try:
        return subprocess.run(
            [binary, *FLAGS, f"--user-data-dir={profile}", *arguments, url],
            capture_output=True, text=True, timeout=120, check=True).stdout
    finally:
        shutil.rmtree(profile, ignore_errors=True)


def luminance(color):
    red, green, blue = [int(value) / 255 for value in re.findall(r"\d+", color)[:3]]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def main():
    binary, project, output = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    output.mkdir(parents=True, exist_ok=True)
    dates = sorted((project / "warehouse/_site").iterdir())
    problems = []
    for locale in ["zh-CN", "en"]:
        page = (dates[-1] / f"operations.{locale}.html").resolve()
        for width in [1280, 380]:
            for scheme in ["light", "dark"]:
                name = f"operations.{locale}.{width}.{scheme}"
                # 0 is dark, 1 light in Chromium's own setting of the preferred scheme.
                dark = [f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"]
                with tempfile.TemporaryDirectory() as folder:
                    wrapper = pathlib.Path(folder) / "wrapper.html"

                    def wrap(height):
                        wrapper.write_text(WRAPPER.format(page=page.as_uri(), width=width, height=height))
                        return wrapper.as_uri()

                    window = [f"--window-size={max(width, 500)},1200"]
                    dom = chromium(binary, [*dark, *window, "--virtual-time-budget=5000", "--dump-dom"], wrap(1200))
                    title = re.search(r"<title>(.*?)</title>", dom, re.S)
                    found = json.loads(html.unescape(title.group(1)))
                    height = found["height"]
                    window = [f"--window-size={max(width, 500)},{height}"]
                    chromium(binary, [*dark, *window, f"--screenshot={output / (name + '.png')}"], wrap(height))

                def expect(condition, what):
                    if not condition:
                        problems.append(f"{name}: {what}")

                expect(found["scrollWidth"] <= width, f"is {found['scrollWidth']} pixels wide")
                expect(not found["wide"], f"reaches beyond the edge: {found['wide']}")
                expect(found["language"] == locale, f"lang is {found['language']}")
                expect(found["scripts"] == 0, "has scripts")
                expect(found["distinct"] == 5, "Chinese characters look alike: is a CJK font installed?")
                expect(found["text"] > 800, f"has only {found['text']} characters")
                expect(found["pictures"] >= 3, f"has only {found['pictures']} pictures")
                expect(found["untitled"] == 0, f"{found['untitled']} pictures without a title")
                is_dark = luminance(found["background"]) < luminance(found["color"])
                expect(is_dark == (scheme == "dark"), f"background {found['background']}, text {found['color']}")
                expect((output / f"{name}.png").stat().st_size > 20_000, "picture is empty")
                print(f"{name}: {width} x {height}, {found['pictures']} pictures")
    for problem in problems:
        print(f"WRONG {problem}")
    return 1 if problems else 0


sys.exit(main())
