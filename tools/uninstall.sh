#!/bin/sh
# uninstall.sh PREFIX: removes what install.sh installed, below DESTDIR where that is set, and folders that only d2d
# had.
set -eu
prefix=$1
destdir=${DESTDIR:-}
list=$destdir$prefix/share/d2d/installed

if [ ! -f "$list" ]; then
    echo "Nothing to uninstall: there is no $list. Was it installed with another PREFIX or DESTDIR?" >&2
    exit 1
fi
if [ -z "$destdir" ] && [ "$(id -u)" -eq 0 ] && [ -d /run/systemd/system ]; then
    systemctl disable --now d2dhub.service 'd2d-listen@*.service' || true # those that are not there cannot be stopped
fi
# The list names itself last: what a failure leaves can be removed by another run.
folders=
while IFS= read -r file; do
    case $file in "$prefix"/*) rm -f "$destdir$file" ;; *) echo "not under $prefix, left alone: $file" >&2 ;; esac
    folders="$folders
${file%/*}"
done <"$list"
find "$destdir$prefix/share" "$destdir$prefix/lib" -depth -type d \( -path '*/d2d' -o -path '*/d2d/*' \) -empty -delete
# Elsewhere than where the system has its own, the folders go too, as far as nothing else is in them.
case $prefix in
    /usr | /usr/local) ;;
    *)
        printf '%s\n' "$folders" | sort -ru | while IFS= read -r folder; do
            while [ "${folder#"$prefix"/}" != "$folder" ]; do
                [ ! -d "$destdir$folder" ] || rmdir "$destdir$folder" 2>/dev/null || break
                folder=${folder%/*}
            done
        done
        rmdir "$destdir$prefix" 2>/dev/null || true
        ;;
esac
[ -n "$destdir" ] || [ "$(id -u)" -ne 0 ] || ldconfig
[ -n "$destdir" ] || [ "$(id -u)" -ne 0 ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
echo "d2d is uninstalled from $destdir$prefix; hubs, their data and contexts are still there"
