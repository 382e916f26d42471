"""Who answers: tables and training, their importers, the judge, the protocols."""
