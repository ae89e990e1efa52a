#!/bin/bash
# Writes the inputs of the part target: make_parts.sh RCT FILE..., of which each
# name says what is in it.

set -euo pipefail
rct=$1
shift

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
points=$folder/points.csv
{
  echo "id,x,y"
  for ((i = 0; i < 12; ++i)); do echo "p$i,$((i * 37 % 101)),$((i * 53 % 97))"; done
} >"$points"

for part; do
  case $part in
    */identifiers.rctpart) flags=(--id_column=id --k=2 --shard=2/3) ;;
    */lists.rctpart) flags=(--columns=x,y --radius=30 --shard=1/2) ;;
    */table.rctpart) flags=(--columns=x,y --k=3 --shard=1/2) ;;
    */whole.rctpart) flags=(--columns=x,y --k=2 --shard=1/1) ;;
  esac
  "$rct" graph --points="$points" --metric=euclidean "${flags[@]}" --out_part="$part" 2>/dev/null
done
