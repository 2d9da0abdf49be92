"""What the fuzzing knows of the world, as a file that schemathesis's process reads."""

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

#: The variable that says where the file is.
VARIABLE = "KINGBIRD_FUZZ_SCENE"


@dataclass(frozen=True)
class Scene:
    """Names that requests are given, as made up ones would lead nowhere.

    :ivar project: the project of whoever asks, a member.
    :ivar images: that project's images, which are in the first region at least.
    :ivar foreign_project: another project, of which nothing may be seen.
    :ivar foreign_jobs: the ids of its jobs.
    :ivar foreign_images: the ids of the images in them; no request ever names one.
    :ivar record: the file into which each call is written, a JSON object a line.
    """

    project: str
    regions: list[str]
    images: list[str]
    foreign_project: str
    foreign_jobs: list[str]
    foreign_images: list[str]
    record: str

    def save(self, path: Path) -> None:
        """Write it to a file."""
        path.write_text(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def load(cls) -> Self:
        """Read it from the file that the environment names."""
        return cls(**json.loads(Path(os.environ[VARIABLE]).read_text()))
