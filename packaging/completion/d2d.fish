# fish completion of d2d and d2dhub. The program itself says what may stand here, from the tables that it reads its options with.
function __d2d_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    for line in ($words[1] --complete $words[2..-1] "$word" 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path "$word"
            case :folder
                __fish_complete_directories "$word"
            case '*'
                echo $line
        end
    end
end
complete -c d2d -f -a '(__d2d_complete)'
complete -c d2dhub -f -a '(__d2d_complete)'
