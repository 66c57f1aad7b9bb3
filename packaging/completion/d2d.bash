# bash completion of d2d and d2dhub. The program itself says what may stand here, from the tables that it reads its options with.
_d2d() {
    local line cur words cword
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref -n := cur words cword
    else
        words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]}
    fi
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
        :file) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        :folder) compopt -o filenames && mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
        *) printf -v line %q "${line%%$'\t'*}" && COMPREPLY+=("$line") ;;
        esac
    done < <("$1" --complete "${words[@]:1:cword}" 2>/dev/null)
    if declare -F __ltrim_colon_completions >/dev/null; then
        __ltrim_colon_completions "$cur"
    fi
}
complete -F _d2d d2d d2dhub
