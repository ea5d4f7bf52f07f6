#!/bin/sh
# snaphook plug-in for SAP HANA. docs/application-plug-ins.md; settings in /etc/snaphook/applications/hana.conf.
# An instance is a key of hdbuserstore that leads to SYSTEMDB, so one has to be named. Needs `user` (such as hdbadm) and `hdbsql`.

instances() { setting instance; }

client() { ${within-} runuser -u "$(setting_or user hdbadm)" -- "$(setting_or hdbsql hdbsql)" -U "$1" -x -a -j -C; }

query() { printf '%s;\n' "$2" | brief_client "$1"; }

# Data volumes alone are in its snapshot; logs come back from their own backups.
directories() {
    query "$1" "SELECT VALUE FROM M_INIFILE_CONTENTS WHERE FILE_NAME = 'global.ini' AND SECTION = 'persistence' AND KEY = 'basepath_datavolumes' AND VALUE LIKE '/%'" |
        sed -n 's/^"\{0,1\}\(\/[^"]*\)"\{0,1\}$/\1/p'
}

# One snapshot can be open at a time. Only one with this mark is closed here.
mark="snaphook $(cat /proc/sys/kernel/random/uuid)"

opened() {
    query "$1" "SELECT BACKUP_ID FROM M_BACKUP_CATALOG WHERE ENTRY_TYPE_NAME = 'data snapshot' AND STATE_NAME = 'prepared' AND COMMENT = '$mark'" |
        sed -n 's/^\([0-9]\{1,20\}\)$/\1/p' | head -n 1
}

# hdbsql may go on after an error, so the catalogue has the word: that so many snapshots of ours are open.
word() {
    echo "SELECT 'snaphook-' || CASE COUNT(*) WHEN $1 THEN '$2' ELSE 'refused' END FROM M_BACKUP_CATALOG WHERE ENTRY_TYPE_NAME = 'data snapshot' AND STATE_NAME = 'prepared' AND COMMENT = '$mark';"
}

begin() {
    echo "BACKUP DATA FOR FULL SYSTEM CREATE SNAPSHOT COMMENT '$mark';"
    word 1 quiet
}

# Closed by its id. Without one nothing was begun, or it is lost: then the client has nothing to say.
end() {
    id=$(opened "$1")
    [ -n "$id" ] || return 0
    case $2 in
    success) echo "BACKUP DATA FOR FULL SYSTEM CLOSE SNAPSHOT BACKUP_ID $id SUCCESSFUL '$mark';" ;;
    *) echo "BACKUP DATA FOR FULL SYSTEM CLOSE SNAPSHOT BACKUP_ID $id UNSUCCESSFUL '$mark';" ;;
    esac
    word 0 held
}

keep() { :; }

# The snapshot outlives its session.
recover() {
    id=$(opened "$1")
    [ -z "$id" ] || query "$1" "BACKUP DATA FOR FULL SYSTEM CLOSE SNAPSHOT BACKUP_ID $id UNSUCCESSFUL '$mark'"
}

probe() { query "$1" "SELECT 'snaphook-' || 'fine' FROM DUMMY" | grep -q snaphook-fine; }
