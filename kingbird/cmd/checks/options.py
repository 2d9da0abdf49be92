"""Configuration files and policies: what this release doesn't know, or not much longer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_policy import policy
from oslo_upgradecheck import common_checks
from oslo_upgradecheck.upgradecheck import Code, Result, UpgradeCommands

from kingbird.cmd.checks import failure, success, warning
from kingbird.conf import api, engine, list_opts, metrics, sync, upgrade_levels
from kingbird.policies import list_rules

#: Groups that hold options of Kingbird's alone; those of libraries come and go with them.
OWN: tuple[Any, ...] = (api, engine, metrics, sync, upgrade_levels)
PREFIX = "kingbird:"


def options(conf: cfg.ConfigOpts) -> Result:
    """Whether the files set what no option takes, or options that are deprecated or unknown."""
    for module in OWN:
        for opt in module.OPTS:
            try:
                conf[module.GROUP][opt.dest]
            except cfg.ConfigFileValueError as error:
                return failure(str(error))
    said = sorted({remark for file in _files(conf) for remark in _find_unknown(file, list_opts())})
    return warning("; ".join(said)) if said else success()


def _files(conf: cfg.ConfigOpts) -> list[Path]:
    folders = [Path(folder) for folder in conf.config_dir or []]
    return [
        *(Path(file) for file in conf.config_file or []),
        *(file for folder in folders for file in sorted(folder.glob("*.conf"))),
    ]


def _find_unknown(file: Path, known: list[tuple[str, Any]]) -> Iterator[str]:
    groups = {group: {opt.dest: opt for opt in opts} for group, opts in known}
    old = {
        (each.group or group, each.name.replace("-", "_") if each.name else opt.dest): opt
        for group, opts in known
        for opt in opts
        for each in opt.deprecated_opts
    }
    sections: dict[str, dict[str, Any]] = {}
    cfg.ConfigParser(str(file), sections).parse()
    for group, names in sections.items():
        for written in names:
            name = written.replace("-", "_")
            opt = groups.get(group, {}).get(name)
            if opt is not None and opt.deprecated_for_removal:
                yield f"[{group}] {name} will be removed: {opt.deprecated_reason or 'not used'}"
            elif opt is None and (group, name) in old:
                yield f"[{group}] {name} is now called {old[group, name].name}"
            elif opt is None and group in {module.GROUP for module in OWN}:
                yield f"There is no option [{group}] {name}: misspelt, or removed"


def policies(commands: UpgradeCommands, conf: cfg.ConfigOpts) -> Result:
    """Whether the policy file is one that this release reads as it is meant."""
    result = common_checks.check_policy_json(commands, conf)
    if result.code is not Code.SUCCESS:
        return result
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(list(list_rules()))
    where = conf.get_location("policy_file", "oslo_policy")
    defaults = (cfg.Locations.opt_default, cfg.Locations.set_default)
    given = where is not None and where.location not in defaults
    if given and conf.find_file(conf.oslo_policy.policy_file) is None:
        return warning(
            f"[oslo_policy] policy_file names {conf.oslo_policy.policy_file}, which is not "
            "there: the defaults are in force"
        )
    try:
        enforcer.load_rules()
        sound = enforcer.check_rules()
    except (ValueError, cfg.Error) as error:
        return failure(f"The policy file can't be read: {error}")
    if not sound:
        return failure("A policy refers to a rule that there is not, or to itself")
    unknown = sorted(
        name
        for name in enforcer.file_rules
        if name.startswith(PREFIX) and name not in enforcer.registered_rules
    )
    if unknown:
        return warning(
            f"The policy file has rules that nothing asks for: {', '.join(unknown)}. Misspelt, "
            "or removed; the defaults are in force"
        )
    return success()
