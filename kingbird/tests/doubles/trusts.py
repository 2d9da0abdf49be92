"""The ids of the trusts that a Keystone in memory has made."""


class Trusts(set[str]):
    """Trusts by id, of which none is given twice, as in the real Keystone.

    The engine deletes the trust of a job after the job's end.  Were its id given again, a test
    that goes on as soon as a job has ended could lose the trust of its next job.
    """

    def __init__(self) -> None:
        super().__init__()
        self._given: set[str] = set()

    def add(self, trust_id: str) -> None:
        """Add a trust.

        :raises AssertionError: when there is or was a trust of this id.
        """
        assert trust_id not in self._given, f"Keystone gives the id {trust_id} once"
        self._given.add(trust_id)
        super().add(trust_id)

    def make(self, name: str = "trust") -> str:
        """Add a trust, and return its id.

        :param name: the id of the first such trust; those that follow have a number behind it.
        """
        number = sum(1 for one in self._given if one.partition("~")[0] == name)
        trust_id = f"{name}~{number + 1}" if number else name
        self.add(trust_id)
        return trust_id

    def enable(self, trust_id: str) -> None:
        """Let a trust that was disabled give tokens again."""
        assert trust_id in self._given, f"There never was a trust {trust_id}"
        super().add(trust_id)
