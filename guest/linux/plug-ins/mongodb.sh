#!/bin/sh
# snaphook plug-in for MongoDB (mongosh). docs/application-plug-ins.md; settings in /etc/snaphook/applications/mongodb.conf.
# An instance is the port of a mongod on this machine. With `uriFile FILE` that file, root's alone, has the connection string.

instances() {
    if [ -n "$(setting instance)" ]; then setting instance; elif pgrep -x mongod >/dev/null; then echo 27017; fi
}

client() { ${within-} mongosh --quiet --norc --nodb; }

# The connection string may hold a password, which nobody may see in a list of processes.
connect() {
    if [ -n "$(setting uriFile)" ]; then
        printf "db = connect(require('fs').readFileSync('%s', 'utf8').trim())\n" "$(setting uriFile | head -n 1)"
    else
        printf "db = connect('mongodb://127.0.0.1:%s/admin')\n" "$1"
    fi
}

query() { { connect "$1" && printf '%s\n' "$2"; } | brief_client "$1"; }

directories() {
    query "$1" "{ const found = db.adminCommand({ getCmdLineOpts: 1 }); print('snaphook-path:' + found.parsed.storage.dbPath) }" |
        sed -n 's/.*snaphook-path:\(\/.*\)$/\1/p'
}

# Lines are executed one by one, also after one that failed: then the shell has to end, or it would unlock what others have locked.
begin() {
    connect "$1"
    echo "try { if (db.fsyncLock().ok === 1) { print('snaphook-' + 'quiet') } else { quit(1) } } catch (problem) { print(problem.message); quit(1) }"
}

end() { echo "if (db.fsyncUnlock().ok === 1) { print('snaphook-' + 'held') } else { quit(1) }"; }

keep() { :; }

# The lock outlives its session.
recover() { query "$1" 'db.fsyncUnlock()'; }

probe() { query "$1" "if (db.currentOp().fsyncLock) { print('is locked') } else { print('snaphook-' + 'fine') }" | grep -q 'snaphook-fine$'; }
