"""Check configuration files and policies for unknown and deprecated entries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_policy import policy
from oslo_upgradecheck import common_checks
from oslo_upgradecheck.upgradecheck import Code, Result, UpgradeCommands

from kingbird.cmd.checks import failure, success, warning
from kingbird.conf import healthcheck, list_opts, listener
from kingbird.conf.registry import OWN
from kingbird.policies import list_rules

#: Groups that have Kingbird's own options alone.  Options of libraries change with the libraries.
_WHOLE = frozenset(module.GROUP for module in OWN if module is not healthcheck)
PREFIX = "kingbird:"


def options(conf: cfg.ConfigOpts) -> Result:
    """Check the files for invalid values and for deprecated or unknown options."""
    for module in OWN:
        for opt in module.OPTS:
            try:
                conf[module.GROUP][opt.dest]
            except cfg.ConfigFileValueError as error:
                return failure(str(error))
    problems = sorted(
        {problem for file in _files(conf) for problem in _find_unknown(file, list_opts())}
    )
    return warning("; ".join(problems)) if problems else success()


def _files(conf: cfg.ConfigOpts) -> list[Path]:
    folders = [Path(folder) for folder in conf.config_dir or []]
    return [
        *(Path(file) for file in conf.config_file or []),
        *(file for folder in folders for file in sorted(folder.glob("*.conf"))),
    ]


def _find_unknown(file: Path, known: list[tuple[str, Any]]) -> Iterator[str]:
    groups = {group: {opt.dest: opt for opt in opts} for group, opts in known}
    deprecated = {
        (
            deprecated_opt.group or group,
            deprecated_opt.name.replace("-", "_") if deprecated_opt.name else opt.dest,
        ): opt
        for group, opts in known
        for opt in opts
        for deprecated_opt in opt.deprecated_opts
    }
    sections: dict[str, dict[str, Any]] = {}
    cfg.ConfigParser(str(file), sections).parse()
    for group, names in sections.items():
        # Each region has a group with the same options.
        is_region = group.startswith(listener.region_group(""))
        defined = groups[listener.region_group("region")] if is_region else groups.get(group, {})
        for raw_name in names:
            name = raw_name.replace("-", "_")
            opt = defined.get(name)
            if opt is not None and opt.deprecated_for_removal:
                yield f"[{group}] {name} will be removed: {opt.deprecated_reason or 'not used'}"
            elif opt is None and (group, name) in deprecated:
                yield f"[{group}] {name} is now called {deprecated[group, name].name}"
            elif opt is None and (is_region or group in _WHOLE):
                yield f"There is no option [{group}] {name}: misspelt, or removed"


def policies(commands: UpgradeCommands, conf: cfg.ConfigOpts) -> Result:
    """Check that this release can read the policy file."""
    result = common_checks.check_policy_json(commands, conf)
    if result.code is not Code.SUCCESS:
        return result
    enforcer = policy.Enforcer(conf)
    enforcer.register_defaults(list_rules())
    where = conf.get_location("policy_file", "oslo_policy")
    defaults = (cfg.Locations.opt_default, cfg.Locations.set_default)
    is_configured = where is not None and where.location not in defaults
    if is_configured and conf.find_file(conf.oslo_policy.policy_file) is None:
        return warning(
            f"[oslo_policy] policy_file names {conf.oslo_policy.policy_file}, which is not "
            "there: the defaults are in force"
        )
    try:
        enforcer.load_rules()
        is_valid = enforcer.check_rules()
    except (ValueError, cfg.Error) as error:
        return failure(f"The policy file can't be read: {error}")
    if not is_valid:
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
