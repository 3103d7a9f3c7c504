#!/usr/bin/env python3
"""Public symbols without documentation, out of a folder of symbol graphs (`scripts/docs.sh --check`). A symbol that a protocol asks
for is documented there. usage: scripts/undocumented.py FOLDER
"""
import json, pathlib, sys

graphs = [json.loads(path.read_text()) for path in sorted(pathlib.Path(sys.argv[1]).glob("*.symbols.json"))]
# What a documented requirement asks for has its words: the compiler passes them on, but for those of other modules.
inherited = {one["source"] for graph in graphs for one in graph["relationships"]
             if one["kind"] in ("overrides", "defaultImplementationOf") or "sourceOrigin" in one}
bare, count = [], 0
for graph in graphs:
    for symbol in graph["symbols"]:
        # Without a place it was made by the compiler.
        if "location" not in symbol:
            continue
        count += 1
        if not symbol.get("docComment") and symbol["identifier"]["precise"] not in inherited:
            place = symbol["location"]
            path = pathlib.Path(place["uri"].removeprefix("file://"))
            bare.append(f"{path.relative_to(pathlib.Path.cwd())}:{place['position']['line'] + 1}: {'.'.join(symbol['pathComponents'])}")
print("\n".join(sorted(bare)))
print(f"{count - len(bare)} of {count} public symbols are documented")
sys.exit(1 if bare else 0)
