"""What validate finds in a file that is valid."""

from support.build import NOW, config, declare

from reconcile.insight.validation import Validation


def test_a_file_without_a_series_is_warned_about() -> None:
    assert [warning.severity for warning in Validation.of(declare(""), NOW).diagnostics] == ["warning"]


def test_any_other_valid_file_is_not() -> None:
    declared = declare('{ description = "nightly", keep = 1 }')

    assert Validation.of(declared, NOW) == Validation(config=declared, diagnostics=())
    assert Validation.of(declared, NOW).is_valid


def test_a_file_that_breaks_a_rule_of_its_own_is_not_valid_and_each_breach_comes_before_the_warnings() -> None:
    series = 'backups = [{ description = "x", every = "2d", keep = 1 }]'
    declared = config(
        f'[require]\nevery = "1d"\n[servers.web]\nid = 1\n{series}\n[fleets.all]\nmatch = "*"\n{series}\n'
    )

    found = Validation.of(declared, NOW)

    assert [each.severity for each in found.diagnostics] == ["error", "error"]
    assert [each.address for each in found.diagnostics] == ["web/x", "fleet:all/x"]
    assert not found.is_valid
    assert Validation.of(config('[require]\nevery = "1d"\n[servers.web]\nid = 1\n'), NOW).is_valid
