"""The commands ``openstack image sync rule ...``."""

import argparse
from typing import Any

from osc_lib import exceptions
from osc_lib.cli import format_columns
from osc_lib.command import command

from kingbird.osc import options
from kingbird.osc.arguments import flag, option, repeated
from kingbird.osc.base import SyncCommand, SyncLister, SyncShowOne
from kingbird.osc.durations import duration
from kingbird.osc.output import JSON, Table
from kingbird.osc.titles import titled
from kingbird.states import ALL, ResourceType

#: The columns of a list of rules, and the fields of the API's response.
_LISTED = titled("id", "name", "state", "interval", "next_run_at", "last_run_at", "waiting")
_LONG = titled("resources", "source", "target", "last_success_at", "last_job", "reason")
#: Fields that are lists or objects, and how they are shown.
_FORMATS = {
    "resources": format_columns.ListColumn,
    "source": format_columns.ListColumn,
    "target": format_columns.ListColumn,
    "filters": format_columns.DictColumn,
    "hears": format_columns.DictColumn,
}


def _columns_of(rule: JSON) -> Table:
    """Return the fields of a rule and their values."""
    return tuple(rule), [_formatted(name, value) for name, value in rule.items()]


def _formatted(field: str, value: Any) -> Any:
    return _FORMATS[field](value) if field in _FORMATS else value


def _add_rule(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    noun = "Rule (name or ID)"
    if several:
        parser.add_argument("rules", metavar="<rule>", nargs="+", help=f"{noun}, one or several")
    else:
        parser.add_argument("rule", metavar="<rule>", help=noun)


def _add_schedule(parser: argparse.ArgumentParser) -> None:
    option(parser, "--description", "<text>", "Text for people")
    option(
        parser,
        "--interval",
        "<duration>",
        "Time between two full runs, such as 90, 30m, 1h or 2d (default: 1h); 0 for a rule "
        "that has none but the first",
        type=duration,
    )
    parser.add_argument(
        "--events",
        action=argparse.BooleanOptionalAction,
        help="Begin a run with each upload that Glance tells of (the default), or do not",
    )


def _given(parsed: argparse.Namespace, *names: str) -> JSON:
    """Return the options that are given, by name."""
    return {
        name: getattr(parsed, name)
        for name in names
        if getattr(parsed, name) not in (None, False, [])
    }


def _schedule(parsed: argparse.Namespace) -> JSON:
    """Return the given options of when a rule runs; 0 and False count."""
    given = {name: getattr(parsed, name) for name in ("interval", "events")}
    return {name: value for name, value in given.items() if value is not None}


class CreateRule(SyncCommand, command.ShowOne):
    """Make images exist in other regions, again and again"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("rule", metavar="<rule>", help="Name of the new rule")
        options.add_selection(parser)
        options.add_resource_type(parser)
        options.add_sync_options(parser, targets_needed=False)
        _add_schedule(parser)
        flag(parser, "--disable", "Create a rule that does not run yet")

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Create the rule."""
        rule = options.build_set(parsed_args, self.manager, self.images())
        rule["name"] = parsed_args.rule
        rule |= _given(parsed_args, "description", "data", "on_orphan")
        rule |= _schedule(parsed_args)
        if parsed_args.disable:
            rule["enabled"] = False
        return _columns_of(self.client.create_rule(rule))


class ListRules(SyncLister):
    """List rules, the newest first"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        flag(parser, "--long", "List additional fields")
        repeated(parser, "--state", "<state>", "Only rules in this state (repeat for several)")
        flag(parser, "--all-projects", "Rules of every project (admin only)")
        options.add_project(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Return the rules.

        :raises osc_lib.exceptions.CommandError: options contradict each other.
        """
        of_all = parsed_args.all_projects
        options.check_scope(parsed_args)
        states = ",".join(state.upper() for state in parsed_args.state or [])
        rules, _ = self.client_of(parsed_args).rules(
            state=states or None, all_projects="true" if of_all else None
        )
        columns = {
            **_LISTED,
            **({"Project": "project_id"} if of_all else {}),
            **(_LONG if parsed_args.long else {}),
        }
        rows = [
            tuple(_formatted(field, rule[field]) for field in columns.values()) for rule in rules
        ]
        return tuple(columns), rows


class ShowRule(SyncCommand, command.ShowOne):
    """Show a rule, its state and what went wrong"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        _add_rule(parser)
        options.add_project(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Return the rule."""
        return _columns_of(self.client_of(parsed_args).rule(parsed_args.rule))


class SetRule(SyncCommand):
    """Change a rule; it then has your rights"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        _add_rule(parser)
        option(parser, "--rule-name", "<name>", "New name of the rule")
        _add_schedule(parser)
        repeated(
            parser,
            "--image",
            "<image>",
            "Image of the rule in place of its present ones (name or ID; repeat for several)",
            dest="images",
        )
        repeated(
            parser,
            "--namespace",
            "<name>",
            "Namespace of a rule about metadata definitions, in place of its present ones "
            "(repeat for several)",
            dest="namespaces",
        )
        flag(
            parser, "--all", "All images of the project that match all filters, or all namespaces"
        )
        options.add_filters(parser)
        options.add_sync_options(parser, targets_needed=True)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Change the rule."""
        found = self.client.rule(parsed_args.rule)
        changes = _given(
            parsed_args,
            *("on_drift", "source", "target", "force", "prune", "same_name", "data", "members"),
            "on_orphan",
        )
        for attribute, field in (("rule_name", "name"), ("description", "description")):
            if getattr(parsed_args, attribute) is not None:
                changes[field] = getattr(parsed_args, attribute)
        changes |= _schedule(parsed_args)
        if resources := self._resources(found, parsed_args):
            changes["resources"] = resources
        if filters := options.filters_of(parsed_args, self.manager):
            changes["filters"] = {**found["filters"], **filters}
        if not changes:
            raise exceptions.CommandError("Give an option to change")
        self.client.update_rule(found["id"], changes)

    def _resources(self, rule: JSON, parsed: argparse.Namespace) -> list[str]:
        """Return the resources that are given, if any are.

        :raises osc_lib.exceptions.CommandError: options contradict each other or the rule's type.
        """
        is_image = rule["resource_type"] == ResourceType.IMAGE
        named = {"--image": parsed.images, "--namespace": parsed.namespaces}
        words = named.pop("--image" if is_image else "--namespace")
        if any(named.values()):
            (option,) = named
            raise exceptions.CommandError(
                f"{option} can't be given, as the rule is about {rule['resource_type']}s"
            )
        if words and parsed.all:
            option = "--image" if is_image else "--namespace"
            raise exceptions.CommandError(f"Give either {option} or --all")
        if parsed.all:
            return [ALL]
        if words and is_image:
            return self.images().ids(words, parsed.source or rule["source"])
        return list(dict.fromkeys(words or ()))


class UnsetRule(SyncCommand):
    """Take options and filters from a rule; it then has your rights"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        _add_rule(parser)
        flag(parser, "--description", "Empty the description")
        repeated(
            parser,
            "--filter",
            "<filter>",
            "Drop this filter, one of " + ", ".join(options.FILTERS) + " (repeat for several)",
            choices=options.FILTERS,
        )
        for name in ("force", "prune"):
            flag(parser, f"--{name}", f"Turn {name} off")
        flag(parser, "--on-drift", "Report copies that differ, and turn prune off")

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Change the rule."""
        found = self.client.rule(parsed_args.rule)
        changes: JSON = dict.fromkeys(_given(parsed_args, "force", "prune"), False)
        if parsed_args.on_drift:
            changes |= {"on_drift": "report", "prune": False}
        if parsed_args.description:
            changes["description"] = ""
        if parsed_args.filter:
            changes["filters"] = {
                name: value
                for name, value in found["filters"].items()
                if name not in parsed_args.filter
            }
        if not changes:
            raise exceptions.CommandError("Give an option to take away")
        self.client.update_rule(found["id"], changes)


class DeleteRule(SyncCommand):
    """Delete rules and cancel their jobs in progress; records stay"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        _add_rule(parser, several=True)
        options.add_project(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Delete the rules."""
        client = self.client_of(parsed_args)
        for rule in parsed_args.rules:
            client.delete_rule(client.rule(rule)["id"])


class _SwitchRule(SyncCommand):
    """Base of the commands that switch rules on and off."""

    enabled: bool

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        _add_rule(parser, several=True)

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        """Change the rules."""
        for rule in parsed_args.rules:
            self.client.update_rule(self.client.rule(rule)["id"], {"enabled": self.enabled})


class EnableRule(_SwitchRule):
    """Let rules run, beginning with a full run; they then have your rights"""

    enabled = True


class DisableRule(_SwitchRule):
    """Keep rules from running"""

    enabled = False


class RunRule(SyncShowOne):
    """Run a rule now"""

    def _add_options(self, parser: argparse.ArgumentParser) -> None:
        super()._add_options(parser)
        _add_rule(parser)
        flag(parser, "--dry-run", "Plan without writing in any region")
        repeated(
            parser,
            "--image",
            "<image>",
            "Run for this image only (name or ID; repeat for several)",
            dest="images",
        )
        options.add_orphan_limit(parser)

    def take_action(self, parsed_args: argparse.Namespace) -> Table:
        """Begin the run, and wait for it if the user wants that."""
        rule = self.client.rule(parsed_args.rule)
        images = None
        if parsed_args.images:
            images = self.images().ids(parsed_args.images, rule["source"])
        job_id = self.client.run_rule(
            rule["id"],
            dry_run=parsed_args.dry_run,
            images=images,
            orphan_limit=parsed_args.orphan_limit,
        )
        return self.show_job(self.client, job_id, parsed_args)
