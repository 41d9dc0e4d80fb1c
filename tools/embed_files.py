#!/usr/bin/env python3
"""Writes a C++ file that holds other files, plain and gzipped, as monitor/embedded_files.h declares them.

  embed_files.py console OUT.cc FOLDER    console_files(): every file below FOLDER; without FOLDER: none
  embed_files.py openapi OUT.cc FILE      openapi_file()

The bytes come in by the assembler's .incbin, as compilers take long over big arrays. The same input gives the same
output, byte for byte.
"""
import argparse
import gzip
import hashlib
import pathlib

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
HEAD = """// Written by tools/embed_files.py.
#include "monitor/embedded_files.h"

"""


def quoted(path):
    return str(path).replace("\\", "\\\\").replace('"', '\\"')


def incbin(symbol, path, digest):
    return (f'extern "C" const char {symbol}[];\nextern "C" const char {symbol}_end[];\n'
            f'asm(R"(  # {digest}\n.pushsection .rodata,"a"\n.balign 16\n{symbol}:\n.incbin "{quoted(path)}"\n'
            f'{symbol}_end:\n.popsection\n)");\n')


def embed(symbol, file, path, folder):
    """The declarations for one file, and its entry in the table."""
    content = file.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    kind = TYPES.get(file.suffix)
    if kind is None:
        raise SystemExit(f"{file}: no content type is known for {file.suffix}; add it to {__file__}")
    plain = folder / f"{symbol}.bin"
    plain.write_bytes(content)
    text = incbin(symbol, plain, digest)
    packed = gzip.compress(content, 9, mtime=0)
    view = '{}'
    if len(packed) < len(content) * 0.9:
        target = folder / f"{symbol}.bin.gz"
        target.write_bytes(packed)
        text += incbin(f"{symbol}_gzip", target, hashlib.sha256(packed).hexdigest())
        view = f"std::string_view({symbol}_gzip, {symbol}_gzip_end)"
    immutable = "true" if path.startswith("/assets/") else "false"
    entry = (f'{{"{path}", "{kind}", "\\"{digest[:20]}\\"", {immutable},\n'
             f'     std::string_view({symbol}, {symbol}_end),\n     {view}}}')
    return text, entry


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["console", "openapi"])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("source", type=pathlib.Path, nargs="?")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    folder = out.parent / f"{out.stem}.data"
    folder.mkdir(parents=True, exist_ok=True)

    if arguments.what == "openapi":
        text, entry = embed("penstock_openapi", arguments.source, "/api/v1/openapi.json", folder)
        body = (f"{text}\nnamespace penstock::monitor {{\n\nconst EmbeddedFile& openapi_file() {{\n"
                f"    static const EmbeddedFile file{entry};\n    return file;\n}}\n")
    else:
        files = sorted(f for f in arguments.source.rglob("*") if f.is_file()) if arguments.source else []
        texts, entries = [], []
        for number, file in enumerate(files):
            path = "/" + file.relative_to(arguments.source).as_posix()
            text, entry = embed(f"penstock_console_{number}", file, path, folder)
            texts.append(text)
            entries.append(f"    {entry},\n")
        table = f"    static const EmbeddedFile files[] = {{\n{''.join(entries)}    }};\n    return files;\n"
        body = (f"{''.join(texts)}\nnamespace penstock::monitor {{\n\n"
                f"std::span<const EmbeddedFile> console_files() {{\n"
                f"{table if entries else '    return {};' + chr(10)}}}\n")
    out.write_text(HEAD + body + "\n}  // namespace penstock::monitor\n")


if __name__ == "__main__":
    main()
