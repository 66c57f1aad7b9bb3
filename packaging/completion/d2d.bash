# bash completion of d2d and d2dhub
_d2d() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local common="--as --connection-string-file --context --ca-file --mqtts-port --amqps-port --https-port --transport --cert-file --key-file --slot --tcti --timeout --output --quiet --help"
    case $before in
    --connection-string-file | --ca-file | --cert-file | --key-file | --file | --resume | --out | --cert | --endorsement-key | --group-key-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --context | use | rm)
        if [ "$before" = --context ] || [ "${COMP_WORDS[1]}" = context ]; then
            mapfile -t COMPREPLY < <(compgen -W "$(d2d context ls -o raw 2>/dev/null)" -- "$word")
            return
        fi
        ;;
    --transport)
        mapfile -t COMPREPLY < <(compgen -W "mqtt mqtt-ws amqp amqp-ws https" -- "$word")
        return
        ;;
    --ack)
        mapfile -t COMPREPLY < <(compgen -W "none positive negative full" -- "$word")
        return
        ;;
    -o | --output)
        mapfile -t COMPREPLY < <(compgen -W "json table tsv raw" -- "$word")
        return
        ;;
    esac
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "bench ca check context device enroll events group hub listen register send token tpm --help --version" -- "$word")
        return
    fi
    if [ "$COMP_CWORD" -eq 2 ]; then
        case ${COMP_WORDS[1]} in
        device) mapfile -t COMPREPLY < <(compgen -W "add auth cert disable enable key list rm show" -- "$word") && return ;;
        context) mapfile -t COMPREPLY < <(compgen -W "add ls rm use" -- "$word") && return ;;
        group) mapfile -t COMPREPLY < <(compgen -W "add list rm" -- "$word") && return ;;
        ca) mapfile -t COMPREPLY < <(compgen -W "add list rm verify" -- "$word") && return ;;
        enroll) mapfile -t COMPREPLY < <(compgen -W "add key list rm show" -- "$word") && return ;;
        tpm) mapfile -t COMPREPLY < <(compgen -W "erase provision status" -- "$word") && return ;;
        hub) mapfile -t COMPREPLY < <(compgen -W "status" -- "$word") && return ;;
        esac
    fi
    case ${COMP_WORDS[1]} in
    events) common="$common --from --since --offset --resume --group --partition -n --exec --stop-on-error" ;;
    listen) common="$common -n --exec --reject --auto" ;;
    send) common="$common --to --ack --ttl --until-acked -p --file --content-type --content-encoding --message-id --correlation-id --user-id --qos" ;;
    device) common="$common --disabled --reason --secondary --rotate --top --x509-thumbprint --x509-ca --sas --out --days --tpm" ;;
    ca)
        common="$common --verified"
        [[ $word == -* ]] || { mapfile -t COMPREPLY < <(compgen -f -- "$word") && return; }
        ;;
    enroll) common="$common --group --groups --cert --endorsement-key --device --disabled --for --secondary" ;;
    register) common="$common --service --scope --id --group-key-file --payload --out --tpm" ;;
    tpm) common="$common --endorsement-key" ;;
    token) common="$common --ttl --resource" ;;
    bench) common="$common -n --size --window --rate" ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$common" -- "$word")
}
_d2dhub() {
    local word=${COMP_WORDS[COMP_CWORD]}
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "init run check show --help --version" -- "$word")
        return
    fi
    case ${COMP_WORDS[COMP_CWORD - 1]} in
    --data | --cert-file | --key-file)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "--data --name --listen --mqtts-port --amqps-port --https-port --loops --log-level
        --log-format --cert-file --key-file --names --retention --retention-size --segment-size --user --partitions --also
        --group --no-context --output --help" -- "$word")
}
complete -F _d2d d2d
complete -F _d2dhub d2dhub
