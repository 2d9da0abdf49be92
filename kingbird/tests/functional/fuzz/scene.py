"""The known names of a fuzzing run, in a file that the process of schemathesis reads."""

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

#: The variable with the path of the file.
VARIABLE = "KINGBIRD_FUZZ_SCENE"


@dataclass(frozen=True)
class Scene:
    """Names for requests, because made-up ones do not exist.

    :ivar project: the project of the caller, a member.
    :ivar images: images of that project, which are in the first region at least.
    :ivar foreign_project: another project, which the caller may not see.
    :ivar foreign_jobs: the ids of its jobs.
    :ivar foreign_images: the ids of the images in them; no request names one.
    :ivar record: the file of recorded calls, a JSON object a line.
    """

    project: str
    regions: list[str]
    images: list[str]
    foreign_project: str
    foreign_jobs: list[str]
    foreign_images: list[str]
    record: str

    def save(self, path: Path) -> None:
        """Write the scene to a file."""
        path.write_text(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def load(cls) -> Self:
        """Read the scene from the file that the environment names."""
        return cls(**json.loads(Path(os.environ[VARIABLE]).read_text()))
