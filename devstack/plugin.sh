#!/usr/bin/env bash
# The devstack plugin of Kingbird.  devstack sources it with a mode and a phase as arguments.

_XTRACE_KINGBIRD=$(set +o | grep xtrace)
set +o xtrace

function is_kingbird_here {
    is_service_enabled kingbird-api kingbird-engine
}

function install_kingbird {
    setup_develop "$KINGBIRD_DIR"
}

# Tempest installs its plugins into its own environment when it is configured.
function install_kingbird_tempest_plugin {
    if [[ "${TEMPEST_PLUGINS:-0}" == "0" ]]; then
        TEMPEST_PLUGINS=$KINGBIRD_DIR/tempest_plugin
    elif [[ "$TEMPEST_PLUGINS" != *"$KINGBIRD_DIR/tempest_plugin"* ]]; then
        TEMPEST_PLUGINS+=" $KINGBIRD_DIR/tempest_plugin"
    fi
}

function install_kingbird_dashboard {
    setup_develop "$KINGBIRD_DASHBOARD_DIR"
}

# A script that is not compressed would make every page of Horizon an error, the login too.
# devstack restarts Horizon after this phase.
function configure_kingbird_dashboard {
    local package=$KINGBIRD_DASHBOARD_DIR/kingbird_dashboard
    cp "$package"/enabled/_[0-9]*.py "$KINGBIRD_HORIZON_DIR/local/enabled/"
    cp "$package"/local_settings.d/_[0-9]*.py "$KINGBIRD_HORIZON_DIR/local/local_settings.d/"
    (
        cd "$KINGBIRD_HORIZON_DIR/.." || exit
        "$(get_python_exec_prefix)/python3" manage.py collectstatic --noinput
        "$(get_python_exec_prefix)/python3" manage.py compress --force
    )
}

function cleanup_kingbird_dashboard {
    rm -f "$KINGBIRD_HORIZON_DIR"/local/enabled/_*_image_sync.py \
        "$KINGBIRD_HORIZON_DIR"/local/local_settings.d/_*_kingbird.py
}

# Each region has an endpoint, because clients look in the user's region.
function register_kingbird {
    local url=$KINGBIRD_URL/v1.0
    get_or_create_service kingbird synchronization "Image synchronization"
    get_or_create_endpoint synchronization "$REGION_NAME" "$url" "$url" "$url"
}

function configure_kingbird {
    sudo install -d -o "$STACK_USER" "$KINGBIRD_CONF_DIR"
    # The file is created anew, and it contains passwords.
    install -m 0640 /dev/null "$KINGBIRD_CONF"
    iniset "$KINGBIRD_CONF" DEFAULT debug "$ENABLE_DEBUG_LOG_LEVEL"
    setup_logging "$KINGBIRD_CONF"
    iniset "$KINGBIRD_CONF" database connection "$(database_connection_url kingbird)"
    iniset_rpc_backend kingbird "$KINGBIRD_CONF"
    configure_keystone_authtoken_middleware "$KINGBIRD_CONF" kingbird
    iniset "$KINGBIRD_CONF" keystone_authtoken service_type synchronization
    if is_service_enabled tls-proxy; then
        iniset "$KINGBIRD_CONF" glance cafile "$SSL_BUNDLE_FILE"
        iniset "$KINGBIRD_CONF" oslo_middleware enable_proxy_headers_parsing True
    fi
    configure_kingbird_uwsgi
}

# The API has its own port and is not behind Apache, so that all regions reach it by one URL.
function configure_kingbird_uwsgi {
    local listen=$KINGBIRD_LISTEN_ADDRESS:$KINGBIRD_SERVICE_PORT
    if is_service_enabled tls-proxy; then
        listen=$KINGBIRD_LISTEN_ADDRESS:$KINGBIRD_SERVICE_PORT_INT
    fi
    write_uwsgi_config "$KINGBIRD_UWSGI_CONF" "$KINGBIRD_UWSGI" "" "$listen" kingbird-api
    # A broken application must end the server, not answer 500 to every request.
    iniset "$KINGBIRD_UWSGI_CONF" uwsgi need-app true
    # Without buffering, a request that is refused before its body was read ends with a reset
    # connection instead of the response.
    iniset "$KINGBIRD_UWSGI_CONF" uwsgi post-buffering 65536
}

# create_service_user adds the role service, which validates tokens.  The role admin deletes trusts
# whose own token is no longer available.
function create_kingbird_accounts {
    create_service_user kingbird admin
}

function init_kingbird {
    local bin result=0
    bin=$(get_python_exec_prefix)
    recreate_database kingbird
    "$bin/kingbird-manage" --config-file "$KINGBIRD_CONF" db sync
    # 1 is a warning, which stays in the log.
    "$bin/kingbird-status" --config-file "$KINGBIRD_CONF" upgrade check || result=$?
    if [[ $result -gt 1 ]]; then
        die $LINENO "kingbird-status upgrade check ended with $result"
    fi
}

function start_kingbird {
    local bin
    bin=$(get_python_exec_prefix)
    run_process kingbird-api \
        "$(command -v uwsgi) --procname-prefix kingbird-api --ini $KINGBIRD_UWSGI_CONF" \
        "" "" "KINGBIRD_CONFIG_FILE=$KINGBIRD_CONF"
    run_process kingbird-engine "$bin/kingbird-engine --config-file $KINGBIRD_CONF"
    if is_service_enabled kingbird-api; then
        if is_service_enabled tls-proxy; then
            start_tls_proxy kingbird '*' "$KINGBIRD_SERVICE_PORT" \
                "$KINGBIRD_SERVICE_HOST" "$KINGBIRD_SERVICE_PORT_INT"
        fi
        if ! wait_for_service "$SERVICE_TIMEOUT" "$KINGBIRD_URL/"; then
            die $LINENO "kingbird-api did not start"
        fi
    fi
}

function stop_kingbird {
    stop_process kingbird-api
    stop_process kingbird-engine
}

function configure_kingbird_tempest {
    iniset "$TEMPEST_CONFIG" service_available kingbird True
    iniset "$TEMPEST_CONFIG" kingbird catalog_type synchronization
    iniset "$TEMPEST_CONFIG" kingbird endpoint_type publicURL
    iniset "$TEMPEST_CONFIG" kingbird region "$REGION_NAME"
}

function cleanup_kingbird {
    # Other files in the folder stay.
    sudo rm -f "$KINGBIRD_CONF" "$KINGBIRD_UWSGI_CONF"
    if [[ -d "$KINGBIRD_CONF_DIR" ]]; then
        sudo rmdir --ignore-fail-on-non-empty "$KINGBIRD_CONF_DIR"
    fi
}

case "$1 ${2:-}" in
    "stack install")
        if is_kingbird_here; then
            echo_summary "Installing Kingbird"
            install_kingbird
            if is_service_enabled tempest; then
                install_kingbird_tempest_plugin
            fi
        fi
        if is_service_enabled horizon; then
            install_kingbird_dashboard
        fi
        ;;
    "stack post-config")
        echo_summary "Registering Kingbird in $REGION_NAME"
        register_kingbird
        if is_kingbird_here; then
            echo_summary "Configuring Kingbird"
            create_kingbird_accounts
            configure_kingbird
            init_kingbird
        fi
        if is_service_enabled horizon; then
            configure_kingbird_dashboard
        fi
        ;;
    "stack extra")
        if is_kingbird_here; then
            echo_summary "Starting Kingbird"
            start_kingbird
        fi
        ;;
    "stack test-config")
        if is_kingbird_here && is_service_enabled tempest; then
            echo_summary "Configuring Tempest for Kingbird"
            configure_kingbird_tempest
        fi
        ;;
    "unstack ")
        if is_kingbird_here; then
            stop_kingbird
        fi
        ;;
    "clean ")
        cleanup_kingbird
        cleanup_kingbird_dashboard
        ;;
esac

$_XTRACE_KINGBIRD
