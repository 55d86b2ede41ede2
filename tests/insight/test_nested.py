"""What differs between nested values."""

from reconcile.insight.nested import changes


def test_every_value_that_differs_has_its_path_whatever_its_name() -> None:
    before = {"a": {"x": 1}, "__b": {"x": 1}, "c": {"x": 1}}
    after = {"a": {"x": 2}, "__b": {"x": 2}, "d": {"x": 1}}

    assert sorted(changes(before, after), key=lambda each: str(each[0])) == [
        (["__b", "x"], 1, 2),
        (["a", "x"], 1, 2),
        (["c"], {"x": 1}, None),
        (["d"], None, {"x": 1}),
    ]
