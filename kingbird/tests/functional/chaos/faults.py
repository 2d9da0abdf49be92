"""All faults in the order of their injection."""

from kingbird.tests.functional.chaos import (
    engine_faults,
    glance_faults,
    rabbitmq,
    rule_faults,
    service_faults,
)
from kingbird.tests.functional.chaos.rule_stage import RuleFault
from kingbird.tests.functional.chaos.stage import Fault

_ROOMS = (engine_faults, service_faults, glance_faults)
#: Faults of jobs, and of rules.  Some need a program that is not installed everywhere.
FAULTS: dict[str, Fault | RuleFault] = {
    **{fault.name: fault for room in _ROOMS for fault in room.FAULTS},
    **{
        fault.name: fault
        for fault in rule_faults.FAULTS
        if rabbitmq.program() or not fault.own_broker
    },
}
