#!/usr/bin/env python3
"""penstock(1), written from what the program says of itself: manual_page.py build/release/src/penstock"""
import re
import subprocess
import sys


def help_of(*arguments):
    return subprocess.run([sys.argv[1], *arguments, "--help"], capture_output=True, text=True, check=True).stdout


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.splitlines())


version = subprocess.run([sys.argv[1], "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
main = help_of()
commands = re.findall(r"^  ([a-z]+) {2,}(.*)$", main[main.lower().index("subcommands:"):], re.M)
print(f'.TH PENSTOCK 1 "" "Penstock {version}" "User Commands"')
print(".SH NAME\npenstock \\- carry data from an API to a table, continuously")
print(".SH SYNOPSIS\n.B penstock\n.I command\n.RI [ options ]")
print(".SH DESCRIPTION\nOne program that fetches records, keeps them in a log, processes them with streaming SQL and stores them "
      "in tables. Pipelines are files; the manual is in /usr/share/doc/penstock.")
print(".SH COMMANDS")
for name, _ in commands:
    print(f".SS penstock {name}\n.nf\n{escaped(help_of(name).strip())}\n.fi")
print(".SH ENVIRONMENT\nEvery setting of\n.B penstock up\nis PENSTOCK_<NAME> in the environment as well.")
print(".SH FILES\n.TP\n/etc/penstock/pipelines\nThe service's pipelines.\n.TP\n/etc/penstock/penstock.conf\nIts settings.\n"
      ".TP\n/var/lib/penstock\nIts data.")
