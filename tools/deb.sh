#!/bin/bash
# deb.sh [VERSION]: builds the Debian packages of what git knows of this working tree, in a copy of it, into build/deb.
# The version is that of CMakeLists.txt with the time of the last commit, so that what is built later is an upgrade;
# VERSION is taken instead.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/build/deb

# What needs building stands in packages.txt and, for Debian, in its control file.
names() { sort -u | sed '/^build-essential$/d; /^debhelper$/d; /^dh-sequence-/d'; }
diff <(awk '$1 ~ /(^|,)build(,|$)/ && NF == 2 {print $2}' packages.txt | names) \
    <(sed -n '/^Build-Depends:/,/^$/p' packaging/debian/control | grep -o '^ [a-z0-9.+-]*' |
        sed 's/^ //; s/-compat$//' | names) ||
    { echo "packages.txt (<) and packaging/debian/control (>) name other packages for building" >&2; exit 1; }

version=$(sed -n 's/^project(d2d VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
commit=$(TZ=UTC git show --no-patch --date=format-local:%Y%m%d.%H%M%S --format=%cd.%h HEAD)
version=${1:-$version~git$commit}

rm -rf "$out"
mkdir -p "$out/d2d"
git ls-files -z | while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar --create --null --files-from=- | tar --extract --directory "$out/d2d"
cp -r packaging/debian "$out/d2d/debian"
cat >"$out/d2d/debian/changelog" <<TEXT
d2d ($version) unstable; urgency=medium

  * Built from the source tree; CHANGELOG.md tells what has changed.

 -- d2d maintainers <maintainers@d2d.invalid>  $(git show --no-patch --format=%cD HEAD)
TEXT
export DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-} parallel=$(nproc)"
if ! (cd "$out/d2d" && dpkg-buildpackage -b -us -uc) >"$out/log" 2>&1; then
    tail -20 "$out/log" | cut -c 1-300 >&2
    echo "the packages could not be built: $out/log" >&2
    exit 1
fi
rm -rf "$out/d2d"
ls "$out"/*.deb
