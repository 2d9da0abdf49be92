# shellcheck shell=bash
#
# Runs the phases that the arguments name, such as "stack install", in one shell, as stack.sh does.
# PLUGIN is the folder of the plugin.  Other variables come from local.conf and the stand-ins.

set -o errexit -o pipefail
# devstack does not set this.  Here an unset variable is a fault of the plugin.
set -o nounset

# shellcheck source=kingbird/tests/devstack/standins.sh
source "$(dirname "${BASH_SOURCE[0]}")/standins.sh"
# shellcheck source=devstack/settings
source "$PLUGIN/settings"
for phase in "$@"; do
    read -r -a words <<< "$phase"
    _called phase "${words[@]}"
    # shellcheck source=devstack/plugin.sh
    source "$PLUGIN/plugin.sh" "${words[@]}"
done
_called end "${TEMPEST_PLUGINS:-}"
