# zsh.zsh FOLDER LINE: what a tab after LINE offers, one a line: a zsh in a pseudo-terminal, whose list of matches is printed.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= PS2= RPS1=; unsetopt zle_bracketed_paste 2>/dev/null; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D"
zpty -w shell 'zstyle ":completion:*" list-grouped false; zstyle ":completion:*" verbose no; LISTMAX=0'
# Every match passes through compadd: print it from there.
zpty -w shell 'compadd() { local -a hits; builtin compadd -A hits "$@"; builtin compadd "$@"; (( $#hits )) && print -rl -- "HIT:"${^hits} >>$HITS; return 0 }'
zpty -w shell "HITS=$PWD/hits.$$; : >\$HITS; print READY"
zpty -r shell out '*READY*READY*'
zpty -n -w shell "$2"$'\t'
for i in {1..100}; do
    sleep 0.05
    [[ -s hits.$$ ]] && break
done
sleep 0.1
zpty -d shell
sed -n 's/^HIT://p' hits.$$
rm -f hits.$$
