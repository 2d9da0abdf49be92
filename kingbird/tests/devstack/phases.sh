# shellcheck shell=bash
# Goes through the phases that its arguments name, such as "stack install", in one shell, as
# stack.sh does.  PLUGIN is the plugin's folder; the rest of the environment is local.conf's
# and that of the stand-ins.

set -o errexit -o pipefail
# Not devstack's, but a variable that nobody sets is a mistake of the plugin.
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
