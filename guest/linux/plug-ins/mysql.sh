#!/bin/sh
# snaphook plug-in for MySQL and MariaDB, by the name mysql or mariadb. docs/application-plug-ins.md; settings in
# /etc/snaphook/applications/mysql.conf or mariadb.conf. An instance is the socket of a server.

instances() {
    if [ -n "$(setting instance)" ]; then
        setting instance
    else
        for socket in /run/mysqld/mysqld.sock /var/lib/mysql/mysql.sock; do [ ! -S "$socket" ] || printf '%s\n' "$socket"; done | head -n 1
    fi
}

# A lost connection must not come back: the lock is lost with it.
client() {
    program=$(command -v mariadb || command -v mysql)
    defaults=$(setting_or defaults '')
    ${within-} "$program" ${defaults:+"--defaults-extra-file=$defaults"} --batch --skip-column-names --unbuffered --skip-reconnect \
        --socket="$1"
}

query() { printf '%s;\n' "$2" | brief_client "$1"; }

# Relative ones are in the data directory.
directories() {
    variables=$(query "$1" "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('datadir', 'innodb_data_home_dir',
        'innodb_log_group_home_dir', 'innodb_undo_directory', 'aria_log_dir_path', 'log_bin_basename', 'relay_log_basename')") || return 1
    data=$(printf '%s\n' "$variables" | sed -n 's/^datadir\t//p')
    printf '%s\n' "$variables" | sed -n 's/^\([^\t]*\)\t\(..*\)$/\1 \2/p' | while read -r variable value; do
        case $value in /*) ;; *) value=$data/$value ;; esac
        case $variable in *basename) dirname "$value" ;; *) printf '%s\n' "$value" ;; esac
    done
}

begin() {
    echo "SET SESSION lock_wait_timeout = $((budget_s > 1 ? budget_s : 1)), SESSION wait_timeout = $((lease_s + 3600));"
    case $(setting_or mode auto),$(query "$1" 'SELECT VERSION()') in
    auto,*MariaDB* | backup-stage,*)
        last='BACKUP STAGE END;'
        for stage in START FLUSH BLOCK_DDL BLOCK_COMMIT; do echo "BACKUP STAGE $stage;"; done
        ;;
    *)
        last='UNLOCK TABLES;'
        echo 'FLUSH TABLES WITH READ LOCK;'
        ;;
    esac
    echo "SELECT 'snaphook-quiet';"
}

end() {
    echo "$last"
    echo "SELECT 'snaphook-held';"
}

keep() { :; }

# The lock ends with its session.
recover() { :; }

probe() { query "$1" 'SELECT 1'; }
