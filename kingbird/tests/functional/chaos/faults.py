"""All faults in the order of their injection."""

from kingbird.tests.functional.chaos import engine_faults, glance_faults, service_faults
from kingbird.tests.functional.chaos.stage import Fault

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for room in (engine_faults, service_faults, glance_faults)
    for fault in room.FAULTS
}
