Feature: Backups of production servers are never deleted

  Scenario: A plan deletes nothing on a server named prod-*
    Given I have any output defined
    When its address is deletes
    Then its value must not match the "^prod-.*" regex
