#!/bin/sh
# motion.sh: sends "motion" as a device each time a motion detector on a GPIO line of this computer reports one.
#
#   ./motion.sh --slot 0                                a device whose key is in the TPM
#   ./motion.sh --connection-string-file motion.cs      or in a file
#
# Its arguments are those of d2d send. Messages wait while there is no connection, and are sent after the reconnect.
# MOTION_CHIP and MOTION_LINE select its GPIO line. It needs gpiomon (Debian package gpiod, version 1 or 2).
set -eu
chip=${MOTION_CHIP:-gpiochip0}
line=${MOTION_LINE:-4}

watch() {
    case $(gpiomon --version) in
        *" v1."*) exec gpiomon --rising-edge --line-buffered --format=motion "$chip" "$line" ;;
        *) exec stdbuf -oL gpiomon --edges rising --format motion --chip "$chip" "$line" ;;
    esac
}

watch | exec d2d send "$@" -
