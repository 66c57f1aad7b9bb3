#!/bin/sh
# open-door.sh: presses the button of a garage door for half a second, through a relay on a GPIO line of this computer.
#
#   d2d listen --slot 0 --exec ./open-door.sh                                 a device whose key is in the TPM
#   d2d listen --connection-string-file garage-door.cs --exec ./open-door.sh  or in a file
#   d2d events --from phone --exec ./open-door.sh                             or a receiver of the phone's events
#   d2d answer open --slot 0 --exec ./open-door.sh                            or the direct method "open"
#
# d2d passes the message on standard input and its properties in the environment (D2D_PROP_NAME), and of a direct method
# its name (D2D_METHOD). If this script ends with 0, the message is completed; if it fails, the message is delivered
# again. An unknown command ends with 0, because a second delivery would not help. DOOR_CHIP and DOOR_LINE select the
# GPIO line of the relay. It needs gpioset (Debian package gpiod, version 1 or 2).
set -eu
chip=${DOOR_CHIP:-gpiochip0}
line=${DOOR_LINE:-17}

press() {
    case $(gpioset --version) in
        *" v1."*) gpioset --mode=time --usec=500000 "$chip" "$line=1" ;;
        *) gpioset --toggle 500ms,0 --chip "$chip" "$line=1" ;;
    esac
}

command=${D2D_METHOD:-$(cat)}
case $command in
    open | close)
        press
        echo "$command: the button was pressed" >&2
        ;;
    *) echo "unknown command; use \"open\" or \"close\"" >&2 ;;
esac
