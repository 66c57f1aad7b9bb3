# fish completion of d2d and d2dhub
complete -c d2d -f
complete -c d2d -n __fish_use_subcommand -a "bench ca check context device enroll events group hub listen register send token tpm"
complete -c d2d -n "__fish_seen_subcommand_from device; and not __fish_seen_subcommand_from add auth cert disable enable key list rm show" -a "add auth cert disable enable key list rm show"
complete -c d2d -n "__fish_seen_subcommand_from context; and not __fish_seen_subcommand_from add ls rm use" -a "add ls rm use"
complete -c d2d -n "__fish_seen_subcommand_from group; and not __fish_seen_subcommand_from add list rm" -a "add list rm"
complete -c d2d -n "__fish_seen_subcommand_from ca; and not __fish_seen_subcommand_from add list rm verify" -a "add list rm verify"
complete -c d2d -n "__fish_seen_subcommand_from ca; and __fish_seen_subcommand_from add verify" -F
complete -c d2d -n "__fish_seen_subcommand_from ca; and __fish_seen_subcommand_from add" -l verified
complete -c d2d -n "__fish_seen_subcommand_from device; and __fish_seen_subcommand_from add auth" -l x509-thumbprint -x
complete -c d2d -n "__fish_seen_subcommand_from device; and __fish_seen_subcommand_from add auth" -l x509-ca
complete -c d2d -n "__fish_seen_subcommand_from device; and __fish_seen_subcommand_from auth" -l sas
complete -c d2d -n "__fish_seen_subcommand_from device; and __fish_seen_subcommand_from cert" -l out -r -F
complete -c d2d -n "__fish_seen_subcommand_from device; and __fish_seen_subcommand_from cert" -l days -x
complete -c d2d -n "__fish_seen_subcommand_from enroll; and not __fish_seen_subcommand_from add key list rm show" -a "add key list rm show"
complete -c d2d -n "__fish_seen_subcommand_from enroll; and __fish_seen_subcommand_from add key rm show" -l group
complete -c d2d -n "__fish_seen_subcommand_from enroll; and __fish_seen_subcommand_from list" -l groups
complete -c d2d -n "__fish_seen_subcommand_from enroll; and __fish_seen_subcommand_from add" -l cert -r -F
complete -c d2d -n "__fish_seen_subcommand_from enroll; and __fish_seen_subcommand_from add" -l endorsement-key -r -F
complete -c d2d -n "__fish_seen_subcommand_from enroll; and __fish_seen_subcommand_from add" -l device -x
complete -c d2d -n "__fish_seen_subcommand_from enroll; and __fish_seen_subcommand_from add" -l disabled
complete -c d2d -n "__fish_seen_subcommand_from enroll; and __fish_seen_subcommand_from key" -l for -x -d "of this device in the group"
complete -c d2d -n "__fish_seen_subcommand_from enroll; and __fish_seen_subcommand_from key" -l secondary
complete -c d2d -n "__fish_seen_subcommand_from register" -l service -x -d "the provisioning service"
complete -c d2d -n "__fish_seen_subcommand_from register" -l scope -x -d "its id scope"
complete -c d2d -n "__fish_seen_subcommand_from register" -l id -x -d "the registration id"
complete -c d2d -n "__fish_seen_subcommand_from register" -l group-key-file -r -F
complete -c d2d -n "__fish_seen_subcommand_from register" -l payload -x
complete -c d2d -n "__fish_seen_subcommand_from register" -l out -r -F -d "for the connection string"
complete -c d2d -n "__fish_seen_subcommand_from register" -l tpm -d "by the TPM"
complete -c d2d -n "__fish_seen_subcommand_from device; and __fish_seen_subcommand_from add cert" -l tpm -d "its key in the TPM"
complete -c d2d -n "__fish_seen_subcommand_from tpm; and not __fish_seen_subcommand_from erase provision status" -a "erase provision status"
complete -c d2d -n "__fish_seen_subcommand_from tpm; and __fish_seen_subcommand_from status" -l endorsement-key
complete -c d2d -n "__fish_seen_subcommand_from hub; and not __fish_seen_subcommand_from status" -a status
complete -c d2d -n "__fish_seen_subcommand_from context; and __fish_seen_subcommand_from use rm" -a "(d2d context ls -o raw 2>/dev/null)"
complete -c d2d -l as -x -d "as this device"
complete -c d2d -l connection-string-file -r -F -d "as what it says"
complete -c d2d -l context -x -a "(d2d context ls -o raw 2>/dev/null)" -d "another context"
complete -c d2d -l ca-file -r -F -d "authority of the hub"
complete -c d2d -l mqtts-port -x
complete -c d2d -l amqps-port -x
complete -c d2d -l https-port -x
complete -c d2d -l transport -x -a "mqtt mqtt-ws amqp amqp-ws https" -d "how to reach the hub"
complete -c d2d -l cert-file -r -F
complete -c d2d -l key-file -r -F
complete -c d2d -l slot -x -a "0 1 2 3 4 5 6 7 8 9" -d "of the TPM: as its device"
complete -c d2d -l tcti -x -d "where the TPM is"
complete -c d2d -l timeout -x -d "give up after so long"
complete -c d2d -s o -l output -x -a "json table tsv raw" -d "how to print"
complete -c d2d -s q -l quiet -d "no talk"
complete -c d2d -s h -l help
complete -c d2d -n "__fish_seen_subcommand_from events" -l from -x -d "only what it sent"
complete -c d2d -n "__fish_seen_subcommand_from events" -l since -x -a "earliest now 1h"
complete -c d2d -n "__fish_seen_subcommand_from events" -l offset -x
complete -c d2d -n "__fish_seen_subcommand_from events" -l resume -r -F
complete -c d2d -n "__fish_seen_subcommand_from events" -l group -x
complete -c d2d -n "__fish_seen_subcommand_from events" -l partition -x
complete -c d2d -n "__fish_seen_subcommand_from events" -s n -x -d "stop after so many"
complete -c d2d -n "__fish_seen_subcommand_from events" -l exec -x -d "run this for each"
complete -c d2d -n "__fish_seen_subcommand_from events" -l stop-on-error
complete -c d2d -n "__fish_seen_subcommand_from listen" -s n -x -d "stop after so many"
complete -c d2d -n "__fish_seen_subcommand_from listen" -l exec -x -d "run this for each"
complete -c d2d -n "__fish_seen_subcommand_from listen" -l reject -d "reject what it fails for"
complete -c d2d -n "__fish_seen_subcommand_from listen" -l auto -d "complete each at once"
complete -c d2d -n "__fish_seen_subcommand_from send" -l to -x -d "to this device"
complete -c d2d -n "__fish_seen_subcommand_from send" -l ack -x -a "none positive negative full"
complete -c d2d -n "__fish_seen_subcommand_from send" -l ttl -x -d "it is dead after this time"
complete -c d2d -n "__fish_seen_subcommand_from send" -l until-acked -d "wait until it is settled"
complete -c d2d -n "__fish_seen_subcommand_from send" -s p -x -d "a property"
complete -c d2d -n "__fish_seen_subcommand_from send" -l file -r -F
complete -c d2d -n "__fish_seen_subcommand_from send" -l content-type -x
complete -c d2d -n "__fish_seen_subcommand_from send" -l qos -x -a "0 1"
complete -c d2dhub -f
complete -c d2dhub -n __fish_use_subcommand -a "init run check show"
complete -c d2dhub -l data -r -F -d "data folder"
complete -c d2dhub -l name -x -d "host name"
complete -c d2dhub -l listen -x
complete -c d2dhub -l mqtts-port -x
complete -c d2dhub -l amqps-port -x
complete -c d2dhub -l https-port -x
complete -c d2dhub -l help
