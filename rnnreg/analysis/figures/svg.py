"""A drawn figure as a short SVG that looks the same."""

import re
from xml.etree import ElementTree

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
NUMBERS = {"d", "points", "transform", "x", "y", "width", "height"}  # attributes
FONT = "font-family: 'DejaVu Sans'"  # of every text: named once for all


def small(svg: bytes) -> bytes:
    """What matplotlib wrote, in a third of its size.

    Hundredths of a point, each style once, no name that nothing refers to, no group of one thing;
    texts stay as they are.
    """
    root = ElementTree.fromstring(svg)
    found = re.findall(r'(?:url\(|xlink:href=")#([\w-]+)', svg.decode())
    names = {name: f"i{i}" for i, name in enumerate(dict.fromkeys(found))}
    styles: dict[str, str] = {}
    for element in root.iter():
        element.text, element.tail = (element.text or "").strip("\n"), ""
        element.text = element.text if element.text.strip() else ""
        for key, value in list(element.attrib.items()):
            del element.attrib[key]
            key, value = _short(key, value, names, styles)
            if value:
                element.set(key, value)
    _flatten(root)
    root.remove(root.find(f"{{{SVG}}}metadata"))
    sheet = root.find(f".//{{{SVG}}}style")
    sheet.text = sheet.text.replace("*{", "*{font-family: DejaVu Sans, Verdana, sans-serif; ")
    sheet.text += "".join(f".{name}{{{style}}}" for style, name in styles.items())
    for prefix, uri in {"": SVG, "xlink": XLINK}.items():
        ElementTree.register_namespace(prefix, uri)
    return ElementTree.tostring(root, "utf-8").replace(b" />", b"/>") + b"\n"


def _short(key: str, value: str, names: dict[str, str], styles: dict[str, str]) -> tuple[str, str]:
    """An attribute in fewer words; without a value where nothing needs it."""
    if key == "id":
        return key, names.get(value, "")
    if key == "style":
        kept = "; ".join(part for part in value.split("; ") if part != FONT)
        return "class", styles.setdefault(kept, f"s{len(styles)}") if kept else ""
    if key in NUMBERS:
        value = re.sub(r"\.(\d\d?)\d*", _hundredths, value)
        value = re.sub(r"rotate\(-?0 [^)]*\)", "", value)
        value = re.sub(r"\s*([A-Za-z])\s+", r"\1", value) if key == "d" else value
    return key, re.sub(r"#([\w-]+)", lambda m: f"#{names.get(m[1], m[1])}", value.strip())


def _hundredths(match: re.Match) -> str:
    digits = match[1].rstrip("0")
    return f".{digits}" if digits else ""


def _flatten(element: ElementTree.Element) -> None:
    """Put what stands in groups without an attribute in their place."""
    children = []
    for child in element:
        _flatten(child)
        plain = child.tag == f"{{{SVG}}}g" and not child.attrib
        children += list(child) if plain else [child]
    element[:] = children
