"""Text from the file or the service made harmless: it is shown, it never acts."""

LONGEST = 200
"""Characters. What is longer is cut, and says by how much."""


def visible(text: str, longest: int = LONGEST) -> str:
    r"""Return `text` with everything that is not plainly printable written out, as `\x1b` or `\u202e`.

    That takes the power from terminal escapes, line breaks, and marks that turn the direction of writing.
    """
    cut = f"… ({len(text) - longest:,} more characters)" if len(text) > longest else ""
    return "".join(_visible(character) for character in text[:longest]) + cut


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()
