#!/usr/bin/env bash
# Back to the version before, or to another target: the same as `npm run rollback`, for runbooks that name this file.
set -euo pipefail
cd "$(dirname "$0")/.."
exec node local/bootstrap.mjs rollback "$@"
