#!/usr/bin/env python3
"""Checks every #include under src/ against layers.toml, and draws the order.

  check_layers.py                 exit status 1 when an include is refused
  check_layers.py --graph         the folders and what they really include, as Mermaid
  check_layers.py --update FILE   writes that graph between the markers in FILE
  check_layers.py --compare FILE  exit status 1 when FILE holds another graph
"""
import argparse
import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- layers: begin -->", "<!-- layers: end -->"
INCLUDE = re.compile(r'\s*#\s*include\s*(["<])([^">]+)[">]')


def includes(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        if found := INCLUDE.match(line):
            yield number, found[1], found[2]


def is_test(path):
    return path.stem.endswith(("_test", "_bench", "_fuzz", "_fixture"))


def check(layers, source):
    rank = {name: n for n, name in enumerate(layers)}
    errors, edges = [], set()
    for name, layer in layers.items():
        for other in layer["may_include"]:
            if rank.get(other, len(rank)) >= rank[name]:
                errors.append(f"layers.toml: [{name}] may not list {other}: it does not stand above it")
    guarded = {}
    for name, layer in layers.items():
        for header in layer.get("headers", []):
            guarded.setdefault(header, set()).add(name)
    for path in sorted(source.rglob("*")):
        if path.suffix not in (".h", ".cc") or not path.is_file():
            continue
        where = path.relative_to(source).parts[0]
        if where not in layers:
            errors.append(f"{path}: folder {where} is not in layers.toml")
            continue
        for number, quote, target in includes(path):
            top = target.split("/")[0]
            place = f"{path.relative_to(ROOT)}:{number}"
            if quote == '"' and "/" not in target:
                errors.append(f'{place}: write the whole path from src/: "{target}"')
            elif quote == '"' and top != where and not is_test(path):
                edges.add((where, top))
                if top not in layers[where]["may_include"]:
                    errors.append(f"{place}: {where} may not include {top}")
                elif "/detail/" in target:
                    errors.append(f"{place}: {target} is private to {top}")
            for header, owners in guarded.items():
                if quote == "<" and target.startswith(header) and where not in owners and not is_test(path):
                    errors.append(f"{place}: <{header}> belongs to {' and '.join(sorted(owners))}")
    return errors, edges


def graph(layers, edges):
    """An edge is drawn only where no longer way says the same; base is left out, as everything includes it."""
    reach = {name: set() for name in layers}
    for name in layers:
        for source, target in edges:
            if source == name and target in reach:
                reach[name] |= {target} | reach[target]
    lines = ["```mermaid", "graph BT"]
    for source, target in sorted(edges):
        if target == "base" or target not in layers:
            continue
        others = {t for s, t in edges if s == source and t != target}
        if not any(target in reach.get(other, ()) for other in others):
            lines.append(f"  {source} --> {target}")
    return "\n".join(lines + ["```"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--graph", action="store_true")
    parser.add_argument("--update", metavar="FILE")
    parser.add_argument("--compare", metavar="FILE")
    arguments = parser.parse_args()
    layers = tomllib.loads((ROOT / "layers.toml").read_text())
    errors, edges = check(layers, ROOT / "src")
    if errors:
        print("\n".join(errors))
        return 1
    drawn = graph(layers, edges)
    if arguments.graph:
        print(drawn)
    for file in (arguments.update, arguments.compare):
        if not file:
            continue
        path = ROOT / file
        text = path.read_text()
        head, _, rest = text.partition(BEGIN)
        _, _, tail = rest.partition(END)
        wanted = f"{head}{BEGIN}\n{drawn}\n{END}{tail}"
        if arguments.update:
            path.write_text(wanted)
        elif wanted != text:
            print(f"{file}: its graph of src/ is out of date; run: make docs")
            return 1
    print(f"{len(layers)} layers in order")
    return 0


if __name__ == "__main__":
    sys.exit(main())
