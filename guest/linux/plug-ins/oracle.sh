#!/bin/sh
# snaphook plug-in for Oracle Database in ARCHIVELOG mode. docs/application-plug-ins.md; settings in
# /etc/snaphook/applications/oracle.conf. An instance is a SID of /etc/oratab.

oratab() { setting_or oratab /etc/oratab; }

# Those that run: a background process has the name of its SID.
instances() {
    if [ -n "$(setting instance)" ]; then
        setting instance
    else
        sed -n 's/^\([A-Za-z][A-Za-z0-9_$#]*\):.*/\1/p' "$(oratab)" | while IFS= read -r sid; do
            ! pgrep -fx "ora_pmon_$sid" >/dev/null || printf '%s\n' "$sid"
        done
    fi
}

client() {
    home=$(awk -F : -v sid="$1" '$1 == sid { print $2; exit }' "$(oratab)")
    ${within-} runuser -u "$(setting_or user oracle)" -- env "ORACLE_SID=$1" "ORACLE_HOME=$home" "$home/bin/sqlplus" -S -L / as sysdba
}

prelude() { printf '%s\n' 'WHENEVER SQLERROR EXIT 1' 'SET PAGESIZE 0 FEEDBACK OFF HEADING OFF LINESIZE 1000 TRIMSPOOL ON'; }

query() { { prelude && printf '%s;\n' "$2"; } | brief_client "$1"; }

directories() {
    query "$1" "SELECT name FROM v\$datafile UNION SELECT member FROM v\$logfile UNION SELECT name FROM v\$controlfile" |
        while IFS= read -r file; do [ -z "$file" ] || dirname "$file"; done
}

begin() {
    prelude
    echo 'ALTER DATABASE BEGIN BACKUP;'
    echo "SELECT 'snaphook-quiet' FROM dual;"
}

end() {
    echo 'ALTER DATABASE END BACKUP;'
    echo 'ALTER SYSTEM ARCHIVE LOG CURRENT;'
    echo "SELECT 'snaphook-held' FROM dual;"
}

keep() { :; }

# The backup mode outlives its session.
recover() { query "$1" 'ALTER DATABASE END BACKUP'; }

probe() { query "$1" "SELECT status FROM v\$instance" | grep -qx OPEN; }
