#!/bin/bash
# build.sh: fetches the packages that are pinned in packages.lock.json, and builds. Its products are below build/.
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
dotnet restore --locked-mode -v quiet
dotnet build --no-restore -v quiet -clp:NoSummary
