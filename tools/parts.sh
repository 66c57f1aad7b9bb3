# Sourced by test.sh and by test/fresh/all.sh: parts of a test, each with what it needs of the machine. That is asked at
# the start: a part that cannot run is skipped, with the reason, and counted; with D2D_SKIP=no that is a failure.
. tools/rights.sh

names=() needs=() commands=()

# part NAME NEEDS COMMAND…: NEEDS are names of functions in rights.sh without "need_".
part() {
    names+=("$1")
    needs+=("$2")
    shift 2
    commands+=("$(printf '%q ' "$@")")
}

choose() {
    local i
    for i in "${!names[@]}"; do
        case ${names[i]} in *"$1"*) ;; *) unset "names[i]" "needs[i]" "commands[i]" ;; esac
    done
}

# Why the part with that number cannot run here; each need is asked once.
declare -A answers=()
skips=()
ask() {
    local i need
    for i in "${!names[@]}"; do
        skips[i]=
        for need in ${needs[i]}; do
            [ -n "${answers[$need]+asked}" ] || answers[$need]=$("need_$need")
            [ -z "${answers[$need]}" ] || skips[i]="${answers[$need]}"
        done
    done
}

skipped=0
tell_skipped() {
    local i
    skipped=0
    for i in "${!names[@]}"; do
        [ -n "${skips[i]}" ] || continue
        [ $((skipped++)) -gt 0 ] || echo "Not on this machine:"
        echo "   skipped: ${names[i]}: ${skips[i]}"
    done
}

# run_parts [--rights] [--only TEXT]: all of them in order, or those with TEXT in their names; with --rights it only
# tells what would be skipped.
run_parts() {
    local only= rights=no
    while [ $# -gt 0 ]; do
        case $1 in
        --rights) rights=yes ;;
        --only) only=$2 && shift ;;
        *) echo "what is \"$1\"?" >&2 && return 2 ;;
        esac
        shift
    done
    choose "$only"
    ask
    tell_skipped
    [ $rights = no ] || return 0
    if [ "$skipped" -gt 0 ] && [ "${D2D_SKIP:-}" = no ]; then
        echo "D2D_SKIP=no: nothing may be skipped here" >&2
        return 1
    fi

    local i begun status passed=0 failed=()
    for i in "${!names[@]}"; do
        [ -z "${skips[i]}" ] || continue
        echo
        echo "== ${names[i]} =="
        begun=$SECONDS
        # In a shell of its own, so that what fails in it ends it.
        set +e
        (set -e && eval "${commands[i]}") </dev/null
        status=$?
        set -e
        echo "   ($((SECONDS - begun)) s)"
        if [ "$status" -eq 0 ]; then
            passed=$((passed + 1))
        else
            echo "   FAILED: ${names[i]}" >&2
            failed+=("${names[i]}")
            [ "${names[i]}" != "${essential:-}" ] || { echo "   nothing else can be tested without it" >&2 && break; }
        fi
    done

    echo
    tell_skipped
    [ ${#failed[@]} -eq 0 ] || printf '   failed: %s\n' "${failed[@]}"
    echo "$passed passed, ${#failed[@]} failed, $skipped skipped"
    [ ${#failed[@]} -eq 0 ]
}
