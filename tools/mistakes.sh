#!/bin/bash
# mistakes.sh FILE…: what no tool finds and we got wrong twice.
set -euo pipefail
bad=0

# no PATTERN WHY FILE…: the pattern must not occur.
no() {
    local pattern=$1 why=$2
    shift 2
    if grep -nE "$pattern" "$@" /dev/null; then
        echo "  ^ $why" >&2
        bad=1
    fi
}

src=()
for file in "$@"; do
    case $file in src/*|include/*|examples/*) src+=("$file") ;; esac
done

no '\b(TODO|FIXME|XXX|HACK)\b' 'do it now, or say so in an issue' "$@"
no '\b(strcpy|strcat|sprintf|gets|strtok|atoi|atol)\(' 'unbounded, or cannot say that it failed' "${src[@]}"
x509_times='ASN1_TIME_set|ASN1_TIME_adj|X509_cmp_time|X509_time_adj(_ex)?'
no "\b($x509_times|X509_VERIFY_PARAM_set_time|X509_STORE_CTX_set_time)\(" \
    'takes a time_t as long as OpenSSL was built with: cert_time, cert_time_put' "$@"
no '\bjson_dumps\(' 'gives what is no JSON when there is no memory for a key: json_text()' "${src[@]}"
no '#include "\.\./' 'folders are included by the build, not by path' "$@"
# Columns are characters, so in a locale that knows them.
export LC_ALL=C.UTF-8
wide=()
for file in "$@"; do
    case $file in src/*|include/*|test/*|examples/*|bench/*) wide+=("$file") ;; esac
done
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard '*.sh' '*.py')
no '^.{121,}' 'longer than 120 columns' "${wide[@]}" "${scripts[@]}"
# The words of CONTRIBUTING.md, in what users read. A bar in its table is escaped.
texts=(include/d2d.h doc/*.1.in doc/*.8 doc/{libd2d,limits,tls,clients}.md README.md CHANGELOG.md examples/*.sh
    packaging/debian/control)
mapfile -t words < <(sed -n '/^## Words/,$s/^| `\(.*\)` | .*/\1/p' CONTRIBUTING.md | sed 's/\\|/|/g')
for word in "${words[@]}"; do
    no "$word" 'not in the words of the field: see CONTRIBUTING.md, "Words"' "${texts[@]}"
    no "\"[^\"]*($word)[^\"]*\"" 'not in the words of the field: see CONTRIBUTING.md, "Words"' "${src[@]}"
done
for file in "$@"; do
    [ "$file" = include/d2d.h ] && continue # the one public header says everything that a program may use
    lines=$(wc -l <"$file")
    if [ "$lines" -gt 600 ]; then
        echo "$file: $lines lines: which two things does it do?" >&2
        bad=1
    fi
done
tools/citations.sh || bad=1
tools/places.sh || bad=1
exit $bad
