# shellcheck shell=bash
# Stand-ins for the functions of devstack that its plugins may call.  Each logs its call with
# its arguments.  A function has an effect only if the plugin relies on it.  A call to any other
# function ends the run.
#
# STANDIN_LOG       the log of calls, one a line, quoted for a shell
# STANDIN_BIN       the folder of Kingbird's programs
# STANDIN_TRANSPORT, STANDIN_DATABASE, STANDIN_KEYSTONE
#                   URLs of the broker, of the database and of Keystone

function _called {
    printf '%q ' "$@" >> "$STANDIN_LOG"
    echo >> "$STANDIN_LOG"
}

# Check the number of arguments: minimum and maximum.
function _takes {
    if [[ $3 -lt $1 || $3 -gt $2 ]]; then
        echo "${FUNCNAME[1]} takes $1 to $2 arguments, and got $3" >&2
        exit 1
    fi
}

# Functions that only log.
function define_plugin { _takes 1 1 $#; _called define_plugin "$@"; }
function setup_develop { _takes 1 2 $#; _called setup_develop "$@"; }
function recreate_database { _takes 1 1 $#; _called recreate_database "$@"; }
function create_service_user { _takes 1 2 $#; _called create_service_user "$@"; }
function get_or_create_endpoint { _takes 3 5 $#; _called get_or_create_endpoint "$@"; }
function start_tls_proxy { _takes 5 6 $#; _called start_tls_proxy "$@"; }
function wait_for_service { _takes 2 2 $#; _called wait_for_service "$@"; }
function stop_process { _takes 1 1 $#; _called stop_process "$@"; }
function echo_summary { _called echo_summary "$@"; }

# devstack starts only services that are enabled.
function run_process {
    _takes 2 5 $#
    if is_service_enabled "$1"; then
        _called run_process "$@"
    fi
}

function die {
    _called die "${@:2}"
    echo "${@:2}" >&2
    exit 1
}

function sudo {
    _called sudo "$@"
    "$@"
}

# As in devstack, a plugin cannot enable a service that local.conf disabled.
function enable_service {
    _called enable_service "$@"
    local service
    for service in "$@"; do
        if [[ ",${DISABLED_SERVICES:-}," != *",$service,"* ]]; then
            ENABLED_SERVICES+=",$service"
        fi
    done
}

# As in devstack, one enabled service is enough.
function is_service_enabled {
    local service
    for service in "$@"; do
        if [[ ",$ENABLED_SERVICES," == *",$service,"* ]]; then
            return 0
        fi
    done
    return 1
}

function get_or_create_service {
    _takes 3 3 $#
    _called get_or_create_service "$@"
    echo 0123456789abcdef0123456789abcdef
}

function get_python_exec_prefix { echo "$STANDIN_BIN"; }

# Set or replace an option.  The function starts no other program, because it is called often.
function iniset {
    _takes 4 4 $#
    local file=$1 header="[$2]" option=$3 text="$3 = $4" line here="" place=0 replace=0
    local -a lines=()
    if [[ -e "$file" ]]; then
        mapfile -t lines < "$file"
    fi
    for line in "${lines[@]}"; do
        if [[ "$line" == "["* ]]; then
            here=$line
        fi
        if [[ $replace -eq 0 ]]; then
            place=$((place + 1))
            if [[ "$here" == "$header" && "$line" == "$option = "* ]]; then
                replace=1
            fi
        fi
    done
    if [[ $replace -eq 1 ]]; then
        lines[place - 1]=$text
    else
        _append "$header" "$text"
    fi
    printf '%s\n' "${lines[@]}" > "$file"
}

# Insert a line after a header in the array of the caller.  Add the header if it is missing.
function _append {
    local line
    local -a before=("${lines[@]}")
    if [[ $'\n'"$(printf '%s\n' "${lines[@]}")"$'\n' != *$'\n'"$1"$'\n'* ]]; then
        lines+=("$1" "$2")
        return
    fi
    lines=()
    for line in "${before[@]}"; do
        lines+=("$line")
        if [[ "$line" == "$1" ]]; then
            lines+=("$2")
        fi
    done
}

function database_connection_url {
    _takes 1 1 $#
    _called database_connection_url "$@"
    echo "$STANDIN_DATABASE"
}

function iniset_rpc_backend {
    _takes 2 3 $#
    _called iniset_rpc_backend "$@"
    iniset "$2" "${3:-DEFAULT}" transport_url "$STANDIN_TRANSPORT"
}

function setup_logging {
    _takes 1 1 $#
    _called setup_logging "$@"
    iniset "$1" DEFAULT logging_context_format_string \
        "%(color)s%(levelname)s %(name)s [%(global_request_id)s %(request_id)s] %(message)s%(color)s"
    iniset "$1" DEFAULT logging_default_format_string \
        "%(color)s%(levelname)s %(name)s [-] %(instance)s%(color)s%(message)s"
}

function configure_keystone_authtoken_middleware {
    _takes 2 3 $#
    _called configure_keystone_authtoken_middleware "$@"
    local section=${3:-keystone_authtoken}
    iniset "$1" "$section" auth_type password
    iniset "$1" "$section" interface public
    iniset "$1" "$section" auth_url "$STANDIN_KEYSTONE"
    iniset "$1" "$section" username "$2"
    iniset "$1" "$section" password "$SERVICE_PASSWORD"
    iniset "$1" "$section" user_domain_name Default
    iniset "$1" "$section" project_name service
    iniset "$1" "$section" project_domain_name Default
    iniset "$1" "$section" www_authenticate_uri "$STANDIN_KEYSTONE"
    iniset "$1" "$section" cafile "$SSL_BUNDLE_FILE"
}

function write_uwsgi_config {
    _takes 3 5 $#
    _called write_uwsgi_config "$@"
    if [[ "$2" != *:* || -z "${4:-}" ]]; then
        echo "write_uwsgi_config: only modules, and only HTTP, have a stand-in" >&2
        exit 1
    fi
    rm -rf "$1"
    iniset "$1" uwsgi module "$2"
    iniset "$1" uwsgi processes 2
    iniset "$1" uwsgi master true
    iniset "$1" uwsgi die-on-term true
    iniset "$1" uwsgi exit-on-reload false
    iniset "$1" uwsgi worker-reload-mercy 60
    iniset "$1" uwsgi enable-threads true
    iniset "$1" uwsgi plugins http,python3
    iniset "$1" uwsgi thunder-lock true
    iniset "$1" uwsgi hook-master-start "unix_signal:15 gracefully_kill_them_all"
    iniset "$1" uwsgi buffer-size 65535
    iniset "$1" uwsgi add-header "Connection: close"
    iniset "$1" uwsgi lazy-apps true
    iniset "$1" uwsgi start-time %t
    iniset "$1" uwsgi http "$4"
}
