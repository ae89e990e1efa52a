#!/bin/bash
# tools/new_heuristic in a house of its own: the files it makes, and what it
# refuses. Whether they build is seen by building them.

set -euo pipefail

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

house=$TEST_TMPDIR/house
mkdir -p "$house/tools"
cp tools/new_heuristic tools/setup.sh "$house/tools"
cd "$house"

# has FILE TEXT: a line of the file is this text.
has() { grep -qxF -- "$2" "$1" || fail "$1 lacks the line: $2"; }

declare -A concept=(
  [bound]=BoundSlot [cache]=CacheSlot [dedupe]=DedupeSlot
  [tile]=TileSlot [order]=OrderSlot [budget]=BudgetSlot
)
for slot in "${!concept[@]}"; do
  name=my_${slot}_2
  class=My${slot^}2
  folder=heuristics/$name
  output=$(./tools/new_heuristic "$name" "--slot=$slot")

  files=$(cd "$folder" && printf '%s ' *)
  [[ $files == "BUILD $name.cc $name.h $name.proto ${name}_benchmark.cc ${name}_test.cc " ]] ||
    fail "$folder holds $files"

  guard=RCT_HEURISTICS_${name^^}_${name^^}_H_
  has "$folder/$name.h" "#ifndef $guard"
  has "$folder/$name.h" "#define $guard"
  has "$folder/$name.h" "#endif  // $guard"
  has "$folder/$name.h" "class $class {"
  has "$folder/$name.h" "  static absl::StatusOr<$class> Create(const ${class}Config& config);"
  has "$folder/$name.proto" "message ${class}Config {}"
  for file in "$name.cc" "${name}_test.cc" "${name}_benchmark.cc"; do
    has "$folder/$file" "#include \"heuristics/$name/$name.h\""
  done
  grep -q "^// Fills ${concept[$slot]}: " "$folder/$name.h" || fail "$name.h does not name its slot"
  grep -q "^static_assert(${concept[$slot]}<${class}[,>]" "$folder/${name}_test.cc" ||
    fail "${name}_test.cc does not ask for ${concept[$slot]}"
  for target in "${name}_proto" "${name}_cc_proto" "$name" "${name}_test" "${name}_benchmark"; do
    has "$folder/BUILD" "    name = \"$target\","
  done
  # Nothing of the template is left over, and lines keep to their width.
  ! grep -nF '$' "$folder"/* || fail "unexpanded"
  ! grep -nE '^.{81}|[[:space:]]$' "$folder"/*.{h,cc,proto} || fail "too wide, or a blank at the end"
  # No headers or targets twice.
  for file in "$folder"/*.{h,cc}; do
    [[ -z $(grep '^#include' "$file" | sort | uniq -d) ]] || fail "$file includes a header twice"
  done

  [[ $output == *heuristics.proto*"optional ${class}Config $name"*composition.cc*"in the $slot slot"* ]] ||
    fail "no steps for $slot: $output"
done

# Without a slot it is a bound.
./tools/new_heuristic plain >/dev/null
has heuristics/plain/plain_test.cc "static_assert(BoundSlot<Plain, EuclideanDistance::Ball>);"

[[ $(./tools/new_heuristic --help) == "usage: "* ]] || fail "no help"

# refuses TEXT ARGUMENT...: says TEXT, returns an error, and writes nothing.
refuses() {
  local text=$1 before after output
  shift
  before=$(find . -type f -exec sha256sum {} + | sort)
  ! output=$(./tools/new_heuristic "$@" 2>&1) || fail "accepted: $*"
  [[ $output == *"$text"* ]] || fail "for $*, said: $output"
  after=$(find . -type f -exec sha256sum {} + | sort)
  [[ $before == "$after" ]] || fail "wrote something for: $*"
}
echo "// mine" >>heuristics/plain/plain.h
refuses "heuristics/plain is there already" plain
refuses "heuristics/plain is there already" plain --slot=order
refuses "which name?"
refuses "one name at a time" one two
refuses "unknown option --slots=order" --slots=order fine
refuses "there is no slot taste" fine --slot=taste
refuses "there is no slot " fine --slot=
for name in Big 2nd _a a_ a__b a-b a.b ../a a/b 'a b' 'a;b' é; do
  refuses "will not do" "$name"
done
