"""Writes a file's bytes as the elements of a C array: embed.py FILE OUTPUT"""
import pathlib
import sys

data = pathlib.Path(sys.argv[1]).read_bytes()
pathlib.Path(sys.argv[2]).write_text(",".join(map(str, data or b"\0")) + "\n")
