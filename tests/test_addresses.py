"""Finding texts by globs: what the index finds is what `fnmatch` matches, however it searches."""

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from reconcile.addresses import TextIndex

ALPHABET = "ab/*?[]!-\n"


@given(st.sets(st.text(ALPHABET, max_size=6)), st.text(ALPHABET, max_size=5))
def test_the_index_finds_the_texts_that_a_glob_matches(texts: set[str], glob: str) -> None:
    assert list(TextIndex(texts).matching(glob)) == sorted(text for text in texts if fnmatchcase(text, glob))
