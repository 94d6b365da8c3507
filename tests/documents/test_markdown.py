from tests.documents.markdown import Command, blocks, commands, matches

TEXT = """\
# Title

```console exact
$ fusemax passes x
3 passes
$ fusemax check x    # status 1
$ git clone y
$ cat x | fusemax print -
done
```

```python norun
1 / 0
```
"""


def test_blocks_and_commands() -> None:
    console, python = blocks(TEXT)
    assert (console.language, console.words, console.line) == ("console", ("exact",), 3)
    assert python.words == ("norun",)
    assert commands(console) == [
        Command("fusemax passes x", 0, "3 passes\n"),
        Command("fusemax check x", 1, ""),
        Command("cat x | fusemax print -", 0, "done\n"),
    ]


def test_dots_stand_for_anything() -> None:
    assert matches("3 passes\n...\nend", "3 passes  \nmore\nlines\nend\n")
    assert not matches("3 passes", "3 passes\nmore")
    assert not matches("a.b", "axb")
