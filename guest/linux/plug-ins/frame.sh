
# From here on every plug-in is the same: how it speaks, and how it holds a session of a client open.
# Before this come `instances`, `directories`, `client`, `begin`, `end`, `probe` and perhaps `recover`, `keep`, each for one instance.

# Whoever waits for a database waits at most so long for one answer of it, in seconds.
QUERY_S=20
set -u
umask 077
cd /
# The helper runs what it has opened and checked; an administrator runs it by its path.
case $0 in
/proc/self/fd/*) self=$(readlink "/proc/$$/fd/${0##*/}") ;;
*) self=$0 ;;
esac
application=${self##*/}
settings=/etc/snaphook/applications/$application.conf
# In memory, never on a file system that stands still.
work=/run/snaphook-plug-in.$application.$$
is_open=

# Other bytes than printable ASCII as question marks.
json_text() { printf '"%s"' "$(printf '%s' "$1" | LC_ALL=C tr -c ' -~' '?' | sed 's/[\\"]/\\&/g')"; }

say_failed() { printf '{"event":"failed","message":%s}\n' "$(json_text "$(printf '%s' "$1" | tr '\n' ' ' | cut -c -400)")"; }

# Values of the lines that begin with that word.
setting() { [ ! -e "$settings" ] || sed -n "s/^$1[[:blank:]]\\{1,\\}//p" "$settings" | sed 's/[[:blank:]]*$//'; }

# The first value, or this.
setting_or() {
    value=$(setting "$1" | head -n 1)
    printf '%s\n' "${value:-$2}"
}

number() { printf '%s' "$line" | sed -n "s/.*\"$1\":\\([0-9]\\{1,12\\}\\).*/\\1/p"; }

seconds_up() { awk '{ print int($1) }' /proc/uptime; }

# A process that nobody has waited for is over, too.
is_alive() { [ -e "/proc/$1/status" ] && ! grep -qs '^State:[[:blank:]]*[ZX]' "/proc/$1/status"; }

# One that asks something and goes, in a bounded time.
brief_client() (
    within="timeout $QUERY_S"
    client "$1"
)

# Of the directories on standard input, without those that are not there. What is no path at all, such as a disk group of ASM, lies on no
# file system, so nobody can say that it stands still.
places() {
    while IFS= read -r directory; do
        case $directory in /*) ;; *) echo "\"$directory\" is no directory" >>"$work/problem" && return 1 ;; esac
        directory=$(readlink -f -- "$directory") && [ -d "$directory" ] || continue
        # Of mounts that lie over each other the last one is in use.
        device=$(findmnt --noheadings --output MAJ:MIN --target "$directory" | tail -n 1 | tr -d ' ')
        [ -n "$device" ] || return 1
        printf '%s %s\n' "$device" "$directory"
    done
}

json_list() {
    separator=
    printf '['
    while IFS= read -r item; do
        printf '%s%s' "$separator" "$(json_text "$item")"
        separator=,
    done
    printf ']'
}

# An instance that does not tell where its files are is not known to lie on what stands still.
describe() {
    listed=$(directories "$1" </dev/null 2>"$work/problem") && found=$(printf '%s\n' "$listed" | places) && [ -n "$found" ] || return 1
    printf '{"name":%s,"directories":%s,"devices":%s}' "$(json_text "$1")" \
        "$(printf '%s\n' "$found" | cut -d ' ' -f 2- | sort -u | json_list)" \
        "$(printf '%s\n' "$found" | cut -d ' ' -f 1 | sort -u | json_list)"
}

discover() {
    separator_of_instances=
    answer='{"event":"discovered","instances":['
    while IFS= read -r instance; do
        if ! described=$(describe "$instance"); then
            say_failed "instance $instance does not tell where its files are: $(tail -n 3 "$work/problem")"
            return
        fi
        answer=$answer$separator_of_instances$described
        separator_of_instances=,
    done <"$work/instances"
    # What the helper takes of one phase.
    if [ ${#answer} -gt 1900 ]; then say_failed 'there are too many instances or directories to tell'; else printf '%s]}\n' "$answer"; fi
}

# One session with one instance. What the client is told begins, and ends when nobody holds `hold` any more or the lease is over: also
# when the plug-in is killed. The client does what comes after the end of its input by itself: it goes.
session() {
    exec 5<"$work/hold" 4>&-
    {
        begin "$1"
        timeout "$lease_s" cat <&5 || : >"$2/expired"
        end "$1" "$(cat "$work/outcome" 2>/dev/null || echo failed)"
    } | {
        client "$1" >"$2/said" 2>&1
        echo $? >"$2/exit"
    }
    is_alive $$ || rm -rf "$work"
}

# The client has said this at the end of a line. False when it has said `refused` in place of it, or is gone, or the time is over before.
hears() {
    while :; do
        gone=$(cat "$1/exit" 2>/dev/null)
        grep -q "$2\$" "$1/said" 2>/dev/null && return 0
        ! grep -q 'snaphook-refused$' "$1/said" 2>/dev/null || return 1
        [ -z "$gone" ] && [ "$(seconds_up)" -lt "$end_s" ] || return 1
        sleep 0.05
    done
}

last_words() { grep -v snaphook- "$1/said" 2>/dev/null | grep . | tail -n 3; }

# Lets all instances go on and waits so many seconds until their clients say so. What is lost with a client is done by another one.
release() {
    echo "$1" >"$work/outcome"
    exec 4>&-
    is_open=
    is_held=true
    end_s=$(($(seconds_up) + $2))
    index=0
    while IFS= read -r instance; do
        index=$((index + 1))
        place=$work/$index
        hears "$place" snaphook-held && [ ! -e "$place/expired" ] || is_held=false
        if grep -q 'snaphook-held$' "$place/said"; then
            keep "$instance" "$place" "$1"
        elif grep -q 'snaphook-quiet$' "$place/said" || [ "$(cat "$place/exit" 2>/dev/null || echo 0)" -gt 128 ]; then
            # It was killed. One that refused has begun nothing, and one that is late ends what it begins.
            recover "$instance" </dev/null >/dev/null 2>&1
        fi
    done <"$work/instances"
}

quiesce() {
    budget_s=$(($1 / 1000))
    lease_s=$(($2 / 1000 + 1))
    # The rest is for letting go again.
    end_s=$(($(seconds_up) + (budget_s > 4 ? budget_s - 3 : budget_s)))
    mkfifo "$work/hold" || return
    # Held by this process alone.
    exec 4<>"$work/hold"
    is_open=yes
    index=0
    while IFS= read -r instance; do
        index=$((index + 1))
        mkdir "$work/$index"
        session "$instance" "$work/$index" </dev/null >/dev/null 2>&1 &
    done <"$work/instances"
    index=0
    while IFS= read -r instance; do
        index=$((index + 1))
        hears "$work/$index" snaphook-quiet && continue
        problem="instance $instance did not come to rest: $(last_words "$work/$index")"
        release failed 2
        say_failed "$problem"
        return
    done <"$work/instances"
    echo '{"event":"quiesced"}'
}

unquiesce() {
    if [ -z "$is_open" ]; then
        say_failed 'nothing was brought to rest'
        return
    fi
    release "$1" "$QUERY_S"
    printf '{"event":"unquiesced","held":%s}\n' "$is_held"
}

verify() {
    while IFS= read -r instance; do
        if ! said=$(probe "$instance" </dev/null 2>&1); then
            say_failed "instance $instance does not answer: $said"
            return
        fi
    done <"$work/instances"
    echo '{"event":"verified"}'
}

# What a killed one has left in memory.
for left in "/run/snaphook-plug-in.$application".*; do
    [ ! -d "$left" ] || is_alive "${left##*.}" || rm -rf "$left"
done
if [ -e "$settings" ] && [ -z "$(find "$settings" -prune -type f -user 0 ! -perm -020 ! -perm -002)" ]; then
    read -r line && say_failed "$settings must be a plain file of root that nobody else may write"
    exit 1
fi
mkdir "$work" || exit 1
trap 'rm -rf "$work"' EXIT
# An end by the helper, or one that it does not hear, is an end like others.
trap 'exit 143' TERM
trap '' PIPE
instances </dev/null >"$work/instances" 2>/dev/null
# Not here, or not running: nothing to do.
[ -s "$work/instances" ] || exit 99
[ "${1-}" = serve ] || exit 2
while IFS= read -r line; do
    case $line in
    '{"command":"discover"'*) discover ;;
    '{"command":"quiesce"'*) quiesce "$(number budgetMs)" "$(number leaseMs)" ;;
    '{"command":"unquiesce","outcome":"success"'*) unquiesce success ;;
    '{"command":"unquiesce"'*) unquiesce failed ;;
    '{"command":"verify"'*) verify ;;
    *) echo '{"event":"not-implemented"}' ;;
    esac
done
# The helper is gone.
[ -z "$is_open" ] || release failed "$QUERY_S"
