#!/bin/sh
# snaphook plug-in for PostgreSQL 9.6 and later. docs/application-plug-ins.md; settings in /etc/snaphook/applications/postgresql.conf.
# An instance is the port of a server. `mode checkpoint`: its files at one instant are what it recovers from by itself.

sockets() { setting_or sockets "$([ -d /run/postgresql ] && echo /run/postgresql || echo /tmp)"; }

instances() {
    set -- "$(sockets)"/.s.PGSQL.*
    if [ -n "$(setting instance)" ]; then setting instance; else printf '%s\n' "$@" | sed -n 's/.*\.s\.PGSQL\.\([0-9]\{1,5\}\)$/\1/p'; fi
}

client() {
    ${within-} runuser -u "$(setting_or user postgres)" -- psql --no-psqlrc --quiet --no-align --tuples-only --no-password \
        --set ON_ERROR_STOP=1 --host "$(sockets)" --port "$1" --dbname "$(setting_or database postgres)"
}

query() { printf '%s;\n' "$2" | brief_client "$1"; }

directories() {
    query "$1" "SELECT current_setting('data_directory') || part FROM unnest(ARRAY['', '/pg_wal', '/pg_xlog']) AS part
        UNION ALL SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE pg_tablespace_location(oid) <> ''"
}

begin() {
    echo "SELECT set_config('idle_session_timeout', '0', false) WHERE current_setting('server_version_num')::int >= 140000;"
    if [ "$(setting_or mode checkpoint)" = backup ]; then
        version=$(query "$1" 'SHOW server_version_num')
        if [ "${version:-0}" -ge 150000 ]; then
            echo "SELECT pg_backup_start('snaphook', true);"
        else
            echo "SELECT pg_start_backup('snaphook', true, false);"
        fi
    else
        echo 'CHECKPOINT;'
    fi
    echo "SELECT 'snaphook-quiet';"
}

end() {
    if [ "$(setting_or mode checkpoint)" = backup ]; then
        echo "SELECT 'snaphook-label';"
        if [ "${version:-0}" -ge 150000 ]; then
            echo 'SELECT labelfile FROM pg_backup_stop(false);'
        elif [ "${version:-0}" -ge 100000 ]; then
            echo 'SELECT labelfile FROM pg_stop_backup(false, false);'
        else
            echo 'SELECT labelfile FROM pg_stop_backup(false);'
        fi
    else
        echo 'SELECT 1;'
    fi
    echo "SELECT 'snaphook-held';"
}

# The label of a backup, for whoever recovers to a later time from archived WAL.
keep() {
    [ "$(setting_or mode checkpoint)" = backup ] && [ "$3" = success ] || return 0
    labels=$(setting_or labels /var/lib/snaphook/postgresql)
    mkdir -p "$labels" && sed -n '/^snaphook-label$/,/^snaphook-held$/p' "$2/said" | sed '1d;$d' >"$labels/$1.backup_label"
}

# The backup mode ends with its session.
recover() { :; }

# A transaction id goes to the WAL.
probe() { query "$1" 'SELECT CASE WHEN pg_is_in_recovery() THEN 0 ELSE txid_current() END'; }
