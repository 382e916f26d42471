"""Make Bokeh's figures parts of a page, so that the same figures give the same bytes.

Bokeh gives documents, places and models new names each time: random ones, or numbers that depend on
how many models the process has made before. Here they are named by their order in the page.
"""

import re
from typing import Any

_MODEL = re.compile(r'"id":"(p\d+)"')
"""A model in Bokeh's JSON. No label can match it, because quotes within texts are escaped there."""
_DOCUMENT = re.compile(r'"docid":"([\w-]+)"')
_ITEMS = "render_items = "
"""The part of the script after this says which model goes into which element."""


def embed(figures: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return a script that draws Bokeh figures, and the HTML elements it draws them in, by name."""
    from bokeh.embed import components

    script, places = components(figures)
    data, sign, items = script.rpartition(_ITEMS)
    models = {name: f"p{number}" for number, name in enumerate(_found(_MODEL, data))}
    documents = {name: f"figures{number}" for number, name in enumerate(_found(_DOCUMENT, items))}
    elements = {}
    for number, (name, place) in enumerate(places.items()):
        found = re.findall(r'"([\w-]+)"', place)
        element, model = found[0], found[1]
        elements[element] = f"figure{number}"
        places[name] = place.replace(element, elements[element]).replace(
            f'"{model}"', f'"{models[model]}"'
        )
    data = _MODEL.sub(lambda match: f'"id":"{models[match[1]]}"', data)
    for old, new in documents.items():
        data = data.replace(f'"{old}"', f'"{new}"', 1)
    names = {**models, **documents, **elements}
    items = re.sub(r'"([\w-]+)"', lambda match: f'"{names.get(match[1], match[1])}"', items)
    return f"{data}{sign}{items}", places


def _found(pattern: re.Pattern[str], text: str) -> list[str]:
    """Return the distinct names that a pattern finds, in order of appearance."""
    return list(dict.fromkeys(pattern.findall(text)))
