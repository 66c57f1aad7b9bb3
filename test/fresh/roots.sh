# Sourced: bare roots to work in, each with the project's packages at hand and nothing installed, and the tree under
# test beside.
fresh=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
repository=$(realpath "$fresh/../..")
readme=${D2D_README:-$repository/README.md}
cache=$repository/build/fresh
mkdir -p "$cache"
work=$(mktemp -d "$cache/work.XXXXXX")
# What was mounted there is gone with the namespace of each enter.sh; nothing leads out of it.
trap 'rm -rf --one-file-system "$work"' EXIT

# The tree as it is (what git knows of it), for cloning.
clone_tree() {
    local commit
    commit=$(git -C "$repository" -c user.name=fresh -c user.email=fresh@localhost stash create)
    git init -q --bare "$work/d2d.git"
    git -C "$repository" push -q "$work/d2d.git" "${commit:-HEAD}:refs/heads/main"
    git -C "$work/d2d.git" symbolic-ref HEAD refs/heads/main
    commit=$(git -C "$repository" ls-files --others --exclude-standard)
    [ -z "$commit" ] || echo "not in the clone, since git does not know them:" $commit >&2
}

# base RELEASE ARCH: the root from which others are copied; made anew once a week.
base() {
    local root=$cache/base/$1-$2
    if [ -z "$(find "$root.made" -mtime -7 2>/dev/null)" ]; then
        rm -rf --one-file-system "$root" "$root.made"
        mkdir -p "$root"
        "$fresh/root.sh" "$1" "$2" "$root" >"$work/root.log" 2>&1 || { tail -n 30 "$work/root.log" >&2 && return 1; }
        touch "$root.made"
    fi
}

# prefetch RELEASE ARCH PACKAGE…: all that apt would download for them lies in a repository of files, so that whatever
# comes then needs no network.
prefetch() {
    local debs=$cache/debs/$1-$2 root=$cache/base/$1-$2
    mkdir -p "$debs" "$work/lists"
    "$fresh/enter.sh" --bind "$debs" /var/cache/apt/archives --bind "$work/lists" /var/lib/apt/lists "$root" sh -euc '
        apt-get update -q
        apt-get install -q -y --no-install-recommends --download-only "$@"' prefetch "${@:3}" \
        >"$work/prefetch.log" 2>&1 ||
        { tail -n 30 "$work/prefetch.log" >&2 && return 1; }
    rm -rf "$work/lists"
    if [ -n "$(find "$debs" -name '*.deb' -newer "$debs/Packages" 2>/dev/null || echo none)" ]; then
        (cd "$debs" && dpkg-scanpackages -m . >Packages.new 2>"$work/prefetch.log" && mv Packages.new Packages)
    fi
}

# new_root NAME RELEASE ARCH: a copy of the base in $work/NAME, whose apt knows the prefetched packages alone, with a
# user "maker" who may become root with sudo.
new_root() {
    local root=$work/$1
    cp -a --reflink=auto "$cache/base/$2-$3" "$root"
    rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
    echo 'deb [trusted=yes] file:/debs ./' >"$root/etc/apt/sources.list"
    # A root that lives for minutes needs no disk to be waited for.
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/fresh"
    chroot "$root" useradd --create-home --shell /bin/bash maker
    echo 'maker ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/maker"
    printf '[safe]\n\tdirectory = *\n[url "/srv/d2d.git"]\n\tinsteadOf = %s\n' "$(readme_url)" >"$root/etc/gitconfig"
    mkdir -p "$root/log"
    chmod 1777 "$root/log"
    echo "$2-$3" >"$root.debs"
}

# What the README clones.
readme_url() {
    local url
    url=$(grep -o 'git clone https://[^ ]*' "$readme" | head -n 1)
    url=${url#git clone }
    echo "${url:-https://localhost/d2d}"
}

# inside NAME USER SCRIPT [ARGUMENT…]: bash runs the script there, in the home of the user, without a network.
inside() { run_in /debs --offline "$@"; }

# online NAME USER SCRIPT [ARGUMENT…]: the same with this machine's network, and with the way to npm's packages and the
# CAs for it that root has here.
online() {
    local cas
    [ ! -f ~/.npmrc ] || cp ~/.npmrc "$work/$1/root/.npmrc"
    cas=$(npm config get cafile 2>/dev/null) || cas=
    if [ -f "$cas" ]; then
        cp "$cas" "$work/$1/root/npm-ca.pem"
        echo cafile=/root/npm-ca.pem >>"$work/$1/root/.npmrc"
    fi
    run_in /var/cache/apt/archives "" "$@"
}

# run_in PLACE-OF-DEBS OPTION-OF-ENTER NAME USER SCRIPT [ARGUMENT…]. It may take four hours.
run_in() {
    local place=$1 option=$2 name=$3 user=$4 script=$5 home=/root root=$work/$3 debs under=()
    shift 5
    debs=$(cat "$root.debs")
    case $debs in *-i386) under=(setarch i686) ;; esac
    [ "$user" = root ] || home=/home/$user
    mkdir -p "$work/shared"
    timeout --kill-after=10 14400 "$fresh/enter.sh" ${option:+"$option"} --bind "$cache/debs/$debs" "$place" \
        --bind "$work/d2d.git" /srv/d2d.git --bind "$fresh" /fresh --bind "$work/shared" /shared "$root" \
        ${under[@]+"${under[@]}"} \
        setpriv --reuid="$user" --regid="$user" --init-groups \
        env HOME="$home" USER="$user" LOGNAME="$user" SHELL=/bin/bash bash -c "cd && $script" "$name" "$@"
}

# quietly NAME COMMAND…: its output only when it fails.
quietly() {
    local begun=$SECONDS what=$1
    shift
    if ! "$@" >"$work/quiet.log" 2>&1; then
        echo "FAILED: $what" >&2
        tail -n 300 "$work/quiet.log" | sed 's/^/   /' >&2
        return 1
    fi
    echo "   ok       $what ($((SECONDS - begun)) s)"
}

# packages WORD…: what packages.txt has for them.
packages() { "$repository/tools/deps.sh" --list "$@"; }
