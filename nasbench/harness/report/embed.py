"""Bokeh's figures as parts of a page: the same figures, the same bytes.

Bokeh names documents, places and models anew each time: by random numbers, and by how many models
the process has made before. Here they are named by their order in the page.
"""

import re
from typing import Any

_MODEL = re.compile(r'"id":"(p\d+)"')
"""A model in Bokeh's JSON; quotes within a text are escaped there, so that no label looks so."""
_DOCUMENT = re.compile(r'"docid":"([\w-]+)"')
_ITEMS = "render_items = "
"""After it the script says which model goes where."""


def embed(figures: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return a script that draws Bokeh figures, and by their names the elements it draws in."""
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
    """Return the distinct names that a pattern finds, in their order."""
    return list(dict.fromkeys(pattern.findall(text)))
