"""The panels' policies: which buttons a role has."""

from pathlib import Path

import yaml

import kingbird_dashboard
from kingbird_dashboard.content import rights
from kingbird_dashboard.test.unit.case import ADMIN, READER, PageCase

FILE = Path(kingbird_dashboard.__file__).parent / "conf/default_policies/kingbird.yaml"


class RightsTest(PageCase):
    def test_each_word_has_a_policy_of_kingbird(self):
        names = {one["name"] for one in yaml.safe_load(FILE.read_text())}
        assert [word for word, rule in rights.RULES.items() if rule not in names] == []

    def test_a_reader_looks(self):
        self._setup_user(roles=READER)
        allowed = {word for word, may in rights.of_user(self.request).items() if may}
        assert allowed == {"list_jobs", "list_rules", "list_state", "show_state"}

    def test_a_member_acts_in_its_project(self):
        refused = {word for word, may in rights.of_user(self.request).items() if not may}
        assert refused == {"list_engines"}

    def test_an_admin_sees_the_engines(self):
        self._setup_user(roles=ADMIN)
        assert rights.may(self.request, "list_engines")
