"""readme.py README FOLDER root|user: writes FOLDER/run.sh, which does what the README tells a reader to do.

Each block of the README that is marked as ```sh is typed, command by command and word for word, into one shell, in
the order of the README. What a reader would do besides stands in a comment above the block, <!-- fresh: WORD... -->:

    skip REASON...     not done here
    root, user         only where the README is followed as root, or as an ordinary user with sudo
    background TEXT    goes on while the rest is done; the next block begins when TEXT was printed
    shows TEXT         must have been printed by this block (may be there several times); in the background, by the end
    exits N            its last command ends with this status
    file NAME          not typed, but written to a file of that name (for blocks of any language)
    type COMMAND       stands alone, without a block: typed, too, to set the scene

A block of another language is for the eye, unless it says `file`. A block without a language is an error.
"""
import os
import re
import shlex
import subprocess
import sys


class Block:
    def __init__(self, line, language, words):
        self.line, self.language, self.text = line, language, ""
        self.skip = self.background = self.file = self.only = None
        self.shows, self.exits = [], 0
        while words:
            word = words.pop(0)
            if word == "skip":
                self.skip, words = " ".join(words), []
                if not self.skip:
                    raise SystemExit(f"line {line}: skip needs a reason")
            elif word in ("root", "user"):
                self.only = word
            elif word in ("background", "shows", "exits", "file") and words:
                value = words.pop(0)
                if word == "shows":
                    self.shows.append(value)
                else:
                    setattr(self, word, int(value) if word == "exits" else value)
            else:
                raise SystemExit(f"line {line}: \"fresh: {word}\" is not known, or something is missing behind it")


def blocks_of(path):
    """The blocks that are to be done, skipped or written."""
    blocks, words, block, indent = [], None, None, ""
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            fence = re.match(r"( *)```+ *([^`\n]*)$", line)
            if block is not None:
                if fence and not fence.group(2).strip():
                    if block.language == "sh" or block.file or block.skip:
                        blocks.append(block)
                    block = None
                else:
                    block.text += line[len(indent):] if line.startswith(indent) else line
                continue
            mark = re.match(r" *<!-- fresh: (.*?) *-->", line)
            if mark and mark.group(1).startswith("type "):
                unseen = Block(number, "sh", [])
                unseen.text = mark.group(1).removeprefix("type ") + "\n"
                blocks.append(unseen)
            elif mark:
                words = shlex.split(mark.group(1)) if not mark.group(1).startswith("skip ") else mark.group(1).split()
            elif fence:
                language = fence.group(2).strip().split(" ")[0]
                if not language:
                    raise SystemExit(f"{path}:{number}: a block without a language: sh is done, another one is not")
                block, indent = Block(number, language, words or []), fence.group(1)
                words = None
            elif line.strip():
                if words is not None:
                    raise SystemExit(f"{path}:{number}: no block follows the comment \"fresh: ...\"")
    return blocks


def commands_of(block):
    """Its commands, each as a person would type it: lines until the shell has a whole command."""
    commands, open_lines = [], ""
    for line in block.text.splitlines(keepends=True):
        open_lines += line
        if not open_lines.strip() or all(part.lstrip().startswith("#") for part in open_lines.splitlines()):
            open_lines = ""
            continue
        tried = subprocess.run(["bash", "-n"], input=open_lines, capture_output=True, text=True, check=False)
        if tried.returncode == 0 and not tried.stderr and not open_lines.endswith("\\\n"):
            commands.append(open_lines.rstrip("\n"))
            open_lines = ""
    if open_lines:
        raise SystemExit(f"line {block.line}: the shell does not understand the block: {tried.stderr}")
    return commands


def script(blocks, kind, name):
    out = []
    for block in blocks:
        where = f"{name}:{block.line}"
        if block.skip:
            out.append(f"skipped {shlex.quote(where)} {shlex.quote(block.skip)}")
        elif block.only and block.only != kind:
            continue
        elif block.file:
            out.append(f"written {shlex.quote(where)} {shlex.quote(block.file)} {shlex.quote(block.text)}")
        else:
            out.append(f"begin {shlex.quote(where)} {shlex.quote(block.text)}")
            commands = commands_of(block)
            if block.background:
                out.append(f"in_background {shlex.quote(block.background)} {shlex.quote(block.text)}")
            for at, command in enumerate([] if block.background else commands):
                out.append(f"typed {shlex.quote(command)} && eval {shlex.quote(command)} >>\"$output\" 2>&1 </dev/null")
                out.append(f"ended $? {block.exits if at == len(commands) - 1 else 0}")
            out += [f"shows {shlex.quote(text)}" for text in block.shows]
            out.append("done_with_it")
    return "\n".join(out + ["all_done"]) + "\n"


def main():
    readme, folder, kind = sys.argv[1:]
    blocks = blocks_of(readme)
    with open(os.path.join(os.path.dirname(__file__), "typing.sh"), encoding="utf-8") as f:
        functions = f.read()
    with open(os.path.join(folder, "run.sh"), "w", encoding="utf-8") as f:
        f.write(functions + "\n" + script(blocks, kind, os.path.basename(readme)))
    # What the commands install, so that it can be there without a network.
    packages = {word for block in blocks if block.language == "sh" and not block.skip
                for line in re.findall(r"\bapt(?:-get)? (?:\S+ )*?install ([^&|;\n]*)", block.text)
                for word in line.split() if re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", word)}
    print(" ".join(sorted(packages)))


main()
