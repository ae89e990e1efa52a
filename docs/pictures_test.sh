#!/bin/bash
# Each picture in docs/pictures is what the script beside it draws.

set -euo pipefail

for script in docs/pictures/*.py; do
  python3 "$script" | cmp - "${script%.py}.svg" || {
    echo "run: python3 $script >${script%.py}.svg" >&2
    exit 1
  }
done
