# Sourced: where this machine gets Debian's packages from, so that a root that is made here gets them from the same
# place.

# suite_of RELEASE: its name.
suite_of() {
    case $1 in
    12) echo bookworm ;;
    13) echo trixie ;;
    *) echo "Debian $1 is not known here: 12 or 13" >&2 && return 1 ;;
    esac
}

# sources_of SUITE ARCH: this machine's sources of Debian itself, as lines for that suite; updates only where their
# index for that architecture can be had (a mirror that caches may have an old one). None: mmdebstrap takes its own.
sources_of() {
    local here line
    here=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
        awk -v here="$here" -v suite="$1" '
            $3 != "main" || $1 !~ /debian/ { next }
            $2 == here || $2 == here "-updates" || $2 == here "-security" {
                sub(here, suite, $2)
                if (!seen[$1 $2]++) print "deb", $1, $2, "main"
            }' |
        while IFS= read -r line; do
            case $line in
            *" $1 main") echo "$line" ;;
            *)
                if index_is_good "$line" "$2"; then
                    echo "$line"
                else
                    echo "left out, its index for $2 cannot be had: $line" >&2
                fi
                ;;
            esac
        done
}

# index_is_good LINE ARCH: apt can read that source.
index_is_good() {
    local dir good=0
    dir=$(mktemp -d)
    echo "$1" >"$dir/sources.list"
    mkdir -p "$dir/lists/partial"
    apt-get update --error-on=any -o "Dir::Etc::SourceList=$dir/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o "Dir::State::Lists=$dir/lists" -o "APT::Architecture=$2" -o "APT::Architectures=$2" \
        -o APT::Update::Post-Invoke-Success= \
        >/dev/null 2>&1 || good=1
    rm -rf "$dir"
    return $good
}

# host_apt_options: this machine's way to them (proxies, retries), a line an option.
host_apt_options() {
    local others='IndexTargets|cdrom|Changelogs|Languages|CompressionTypes|GzipIndexes'
    apt-config dump | grep '^Acquire::' | grep -vE "^Acquire::($others)" |
        grep -v ' "";$' || true
}
