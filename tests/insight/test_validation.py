"""What validate finds in a file that is valid."""

from support.build import declare

from reconcile.insight.validation import Validation


def test_a_file_without_a_series_is_warned_about() -> None:
    assert [warning.severity for warning in Validation.of(declare("")).diagnostics] == ["warning"]


def test_any_other_valid_file_is_not() -> None:
    declared = declare('{ description = "nightly" }')

    assert Validation.of(declared) == Validation(config=declared, diagnostics=())
