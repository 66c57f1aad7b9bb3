#!/bin/bash
# root.sh RELEASE ARCH DIR [PACKAGE…]: makes DIR the root of a bare Debian (12 or 13; amd64, i386, arm64, armhf): what
# is essential, apt, git, make and sudo; and the packages named. It takes them from where this machine takes its own.
# Packages that were downloaded stay under build/fresh/debs for the next time. Needs root and mmdebstrap; for another
# machine's ARCH, qemu-user-static.
set -euo pipefail
release=$1 arch=$2 dir=$3
shift 3
repository=$(realpath "$(dirname "$0")/../..")
. "$repository/test/fresh/mirror.sh"

suite=$(suite_of "$release")
debs=$repository/build/fresh/debs/$release-$arch
mkdir -p "$debs"
include=$(IFS=, && echo "git,make,sudo,$*")

options=(--mode=root --variant=minbase --architectures="$arch" --include="${include%,}" --aptopt='Acquire::Retries "3"')
while IFS= read -r option; do options+=(--aptopt="$option"); done < <(host_apt_options)
# What is in the cache is not downloaded again, and what is downloaded goes there.
options+=(--skip=download/empty --skip=essential/unlink --skip=cleanup/apt/cache
    --setup-hook='mkdir -p "$1/var/cache/apt/archives"' --setup-hook="cp -al '$debs/.' \"\$1/var/cache/apt/archives/\""
    --customize-hook="cd \"\$1/var/cache/apt/archives\"
        for f in *.deb; do [ -e '$debs'/\"\$f\" ] || ln \"\$f\" '$debs'; rm \"\$f\"; done")

mapfile -t sources < <(sources_of "$suite" "$arch")
mmdebstrap "${options[@]}" "$suite" "$dir" "${sources[@]}" >&2
echo "127.0.0.1 localhost fresh
::1 localhost" >"$dir/etc/hosts"
echo fresh >"$dir/etc/hostname"
