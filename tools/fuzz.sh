#!/bin/bash
# fuzz.sh BUILD: each fuzz target for D2D_FUZZ_SECONDS (600), its corpus in test/fuzz/corpus/NAME kept and grown.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
seconds=${D2D_FUZZ_SECONDS:-600}
for target in "$build"/test/fuzz/*_fuzz; do
    name=$(basename "$target" _fuzz)
    mkdir -p "test/fuzz/corpus/$name" "$build/found/$name"
    echo "== $name: $seconds s =="
    "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/found/$name/" "$build/found/$name" "test/fuzz/corpus/$name" 2>&1 | tail -12
done
