"""Options that select images and regions, and the set of a request that they make."""

import argparse
import re
from typing import Any

from osc_lib import exceptions
from osc_lib.cli import parseractions

from kingbird.osc.arguments import flag, option, repeated
from kingbird.osc.images import ImageCatalog
from kingbird.osc.output import JSON
from kingbird.states import ALL, MemberMode, ResourceType

#: The options that are filters, by the API's names.
FILTERS = (
    *("visibility", "owner", "name", "name_prefix", "tag", "property"),
    *("size_min", "size_max", "updated_since", "status"),
)
#: The options that no other resources have than images.
ABOUT_IMAGES = (
    *(*FILTERS, "owner_domain", "all_projects", "force", "prune", "same_name", "data"),
    *("members", "on_orphan", "orphan_limit"),
)

_PROJECT_ID = re.compile("[0-9a-f]{32}", re.I)


def add_selection(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the options that select images, and the filters.

    :param optional: True if the command works without a selection.
    """
    parser.add_argument(
        "images", metavar="<image>", nargs="*", help="Image (name or ID), any number of them"
    )
    flag(
        parser,
        "--all",
        "All images of the project that match all filters"
        + ("" if optional else "; either this or images must be given"),
    )
    flag(parser, "--all-projects", "With --all: the images of every project (admin only)")
    add_filters(parser)


def add_resource_type(parser: argparse.ArgumentParser, verb: str = "synced") -> None:
    """Add the option of the type of what a command is about.

    :param verb: what happens to it.
    """
    parser.add_argument(
        "--resource-type",
        choices=[str(one) for one in ResourceType],
        default=str(ResourceType.IMAGE),
        help=f"Type of what is {verb}: images, or namespaces of metadata definitions, which are "
        "given by name (admin only) (default: image)",
    )


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the options that select from all images."""
    filters = parser.add_argument_group("filters", "Only with --all")
    visibility = filters.add_mutually_exclusive_group()
    for value in ("public", "private", "community", "shared"):
        visibility.add_argument(
            f"--{value}",
            dest="visibility",
            action="store_const",
            const=value,
            help=f"Only {value} images",
        )
    add_owner(filters, "Only images of this project (name or ID)")
    option(filters, "--name", "<name>", "Only images of this name")
    option(filters, "--name-prefix", "<text>", "Only images whose name begins with this text")
    repeated(filters, "--tag", "<tag>", "Only images with this tag (repeat to require several)")
    filters.add_argument(
        "--property",
        metavar="<key=value>",
        action=parseractions.KeyValueAction,
        help="Only images with this property (repeat to require several)",
    )
    option(filters, "--size-min", "<bytes>", "Only images of at least this size", type=int)
    option(filters, "--size-max", "<bytes>", "Only images of at most this size", type=int)
    option(
        filters,
        "--updated-since",
        "<time>",
        "Only images updated since this time, in ISO 8601; UTC without a zone",
    )
    repeated(
        filters,
        "--status",
        "<status>",
        "Only images in this state (repeat for several; default: active)",
    )


def add_owner(parser: argparse._ActionsContainer, text: str) -> None:
    """Add the options of the images' project.

    :param text: the help of ``--owner``.
    """
    option(parser, "--owner", "<project>", text)
    option(
        parser,
        "--owner-domain",
        "<domain>",
        "Domain of that project (name or ID), if its name is ambiguous",
    )


def owner_of(parsed: argparse.Namespace, manager: Any) -> str | None:
    """Return the id of the images' project, or ``None`` if none is given.

    :param manager: the client manager of python-openstackclient.
    """
    if not parsed.owner:
        return None
    return _project_id(parsed.owner, parsed.owner_domain, manager)


def add_regions(parser: argparse.ArgumentParser, *, targets_needed: bool) -> None:
    """Add the options of source and target regions.

    :param targets_needed: True if the target has no default.
    """
    repeated(
        parser,
        "--source",
        "<region>",
        "Region to read images from (repeat for several, the first one preferred; "
        f'"{ALL}" for all; default: all)',
    )
    repeated(
        parser,
        "--target",
        "<region>",
        "Region to create images in (repeat for several; "
        f'"{ALL}" for all' + (")" if targets_needed else "; default: all)"),
    )


def add_conflict_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for copies that differ and for ids that cannot be used."""
    flag(parser, "--force", "Create copies under other IDs where needed")
    parser.add_argument(
        "--on-drift",
        choices=("report", "update"),
        help="Action for a copy that differs (default: report)",
    )
    flag(
        parser, "--prune", "With --on-drift update: remove properties that the source doesn't have"
    )
    parser.add_argument(
        "--same-name",
        choices=("report", "skip"),
        help="Action for an image if another one in the target has its name, owner and data "
        "(default: report)",
    )
    parser.add_argument(
        "--members",
        choices=tuple(map(str, MemberMode)),
        help="Members of copies of shared images that count as drift: none after a copy was "
        "created, those that only the source has, or those that either side has alone (default: "
        "create)",
    )


def add_sync_options(parser: argparse.ArgumentParser, *, targets_needed: bool) -> None:
    """Add the options of a set that is carried out: its regions, and what becomes of copies.

    :param targets_needed: True if the target has no default.
    """
    add_regions(parser, targets_needed=targets_needed)
    add_conflict_options(parser)
    parser.add_argument(
        "--data",
        choices=("import", "none"),
        help="Have the target's Glance import the data of copies, so that they can be booted "
        "from, or copy records alone (default: none)",
    )
    parser.add_argument(
        "--on-orphan",
        choices=("report", "hide", "delete"),
        help="With --all: action for a copy whose home region has deleted the image; delete hides "
        "it first (default: report; others: admin only)",
    )


def add_orphan_limit(parser: argparse.ArgumentParser) -> None:
    """Add the option of the number of orphans that one run may hide or delete."""
    option(
        parser,
        "--orphan-limit",
        "<number>",
        "Number of orphans of one region that this run may hide or delete in another one "
        "(default: 10, or a tenth of the images from there; admin only)",
        type=int,
    )


def add_project(parser: argparse.ArgumentParser) -> None:
    """Add the options of the jobs' project."""
    option(
        parser,
        "--project",
        "<project>",
        "Project of the jobs (name or ID; default: the token's project; another one: admin only)",
    )
    option(
        parser,
        "--project-domain",
        "<project-domain>",
        "Domain of that project (name or ID), if its name is ambiguous",
    )


def resolve_project(parsed: argparse.Namespace, manager: Any) -> str | None:
    """Return the id of the jobs' project, or ``None`` if no project is given.

    :param manager: the client manager of python-openstackclient.
    :raises osc_lib.exceptions.CommandError: no project or several ones have the name, or Keystone
        does not return the id.
    """
    if parsed.project is None:
        if parsed.project_domain is not None:
            raise exceptions.CommandError("--project-domain can be given only with --project")
        return None
    found = _project_id(parsed.project, parsed.project_domain, manager)
    if not _PROJECT_ID.fullmatch(found):
        # If Keystone does not allow the lookup, the name itself is returned as the id.
        raise exceptions.CommandError(
            f"Keystone does not return the ID of project {parsed.project}; give the ID"
        )
    return found


def check_scope(parsed: argparse.Namespace) -> None:
    """Check that a list is of one project or of all.

    :raises osc_lib.exceptions.CommandError: it is of both.
    """
    if parsed.all_projects and parsed.project is not None:
        raise exceptions.CommandError("Give either --project or --all-projects")


def build_set(parsed: argparse.Namespace, manager: Any, images: ImageCatalog) -> JSON:
    """Return a set of a request for the options, with names replaced by ids.

    :param manager: the client manager of python-openstackclient.
    :raises osc_lib.exceptions.CommandError: options contradict each other, or a name is unknown or
        ambiguous.
    """
    if getattr(parsed, "resource_type", ResourceType.IMAGE) != ResourceType.IMAGE:
        return _other_set(parsed)
    filters = filters_of(parsed, manager)
    _check_resources(parsed, "images")
    for name, value in (("--all-projects", parsed.all_projects), ("filters", filters)):
        if value and not parsed.all:
            raise exceptions.CommandError(f"{name} can be given only with --all")
    found = [] if parsed.all else images.ids(parsed.images, parsed.source or [ALL])
    optional = {
        "filters": filters,
        "all_projects": parsed.all_projects,
        "force": parsed.force,
        "on_drift": parsed.on_drift,
        "prune": parsed.prune,
        "same_name": parsed.same_name,
        "members": parsed.members,
    }
    return {
        **_base(parsed, ResourceType.IMAGE, found),
        **{name: value for name, value in optional.items() if value},
    }


def _other_set(parsed: argparse.Namespace) -> JSON:
    """Return a set of resources that are no images, and that have names instead of ids.

    :raises osc_lib.exceptions.CommandError: options contradict each other, or are about images.
    """
    _check_resources(parsed, "names")
    for name in ABOUT_IMAGES:
        if getattr(parsed, name, None) not in (None, False):
            option = name.replace("_", "-")
            raise exceptions.CommandError(
                f"--{option} can't be given with --resource-type {parsed.resource_type}"
            )
    sync_set = _base(parsed, parsed.resource_type, list(dict.fromkeys(parsed.images)))
    if parsed.on_drift:
        sync_set["on_drift"] = parsed.on_drift
    return sync_set


def _check_resources(parsed: argparse.Namespace, what: str) -> None:
    if bool(parsed.images) == parsed.all:
        raise exceptions.CommandError(f"Give either {what} or --all")


def _base(parsed: argparse.Namespace, resource_type: str, found: list[str]) -> JSON:
    """Return what every set has.

    :param found: the resources that the options name.
    """
    sources = parsed.source or [ALL]
    return {
        "resource_type": str(resource_type),
        "resources": [ALL] if parsed.all else found,
        "source": ALL if sources == [ALL] else sources,
        "target": parsed.target or [ALL],
    }


def filters_of(parsed: argparse.Namespace, manager: Any) -> JSON:
    """Return the filters that are given, in the API's form."""
    filters = {name: getattr(parsed, name) for name in FILTERS}
    filters["owner"] = owner_of(parsed, manager)
    return {name: value for name, value in filters.items() if value is not None}


def _project_id(project: str, domain: str | None, manager: Any) -> str:
    """Return the id of a project; only a name is looked up."""
    if _PROJECT_ID.fullmatch(project) and not domain:
        return project
    # The import takes long, so it is done only when it is needed.
    from openstackclient.identity import common  # noqa: PLC0415

    return str(common.find_project(manager.identity, project, domain).id)
