# Installs the packages that the project needs and the machine lacks. The scripts
# of this folder source it; where nothing is missing it takes a few milliseconds.

root=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")

say() { printf 'rct: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# quietly COMMAND...: runs a command and shows its output only if it fails.
quietly() {
  local output
  output=$("$@" 2>&1 </dev/null) || {
    printf '%s\n' "$output" >&2
    return 1
  }
}

as_root() { if ((EUID == 0)); then "$@"; else sudo "$@"; fi; }

# need_debian WHAT: ends the script where WHAT cannot be installed.
need_debian() {
  command -v apt-get >/dev/null || die "there is no apt-get here to install what is missing: $1"
  local codename=""
  [[ ! -r /etc/os-release ]] || codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  [[ $codename == bookworm ]] || die "this is not Debian 12 (bookworm), which has what is missing here: $1"
}

# need_packages NAME...: Debian packages.
need_packages() {
  local installed name missing=()
  installed=$(dpkg-query --show --showformat '${db:Status-Status}:${Package}\n' "$@" 2>/dev/null) || true
  for name; do
    [[ $'\n'$installed$'\n' == *$'\n'"installed:$name"$'\n'* ]] || missing+=("$name")
  done
  ((${#missing[@]})) || return 0

  need_debian "${missing[*]}"
  ((EUID == 0)) || command -v sudo >/dev/null ||
    die "there is no sudo here. As root, run: apt-get update && apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  # Somebody else's list that fails is no reason to stop: whether the packages are
  # to be had shows next.
  quietly as_root apt-get --quiet update || true
  quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes \
    -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}" ||
    die "could not install ${missing[*]}: see above."
}

# need_sources: the tarballs that third_party/debian.bzl names.
need_sources() {
  local folder=$root/third_party/sources pins file missing=()
  pins=$(sed -nE 's/^ *"([^"]+\.orig\.tar\.[a-z]+)": "([0-9a-f]{64})",$/\2  \1/p' "$root/third_party/debian.bzl")
  while read -r _ file; do
    [[ -e $folder/$file ]] || missing+=("${file%%_*}")
  done <<<"$pins"
  ((${#missing[@]})) || return 0

  need_debian "sources of ${missing[*]}"
  say "fetching the sources of ${missing[*]}"
  # As a rule the machine's lists name packages without their sources. The lists
  # that name them are a private copy, so root is not needed and nothing changes.
  (
    temporary=$(mktemp -d)
    trap 'rm -rf "$temporary"' EXIT
    mkdir -p "$temporary"/{cache/archives,lists,parts,sources} "$folder"
    shopt -s nullglob
    for list in /etc/apt/sources.list{,.d/*.list}; do
      [[ ! -e $list ]] || sed -nE 's/^\s*deb\s/deb-src /p' "$list" >"$temporary/parts/${list##*/}.list"
    done
    for list in /etc/apt/sources.list.d/*.sources; do
      sed -E 's/^Types:.*/Types: deb-src/' "$list" >"$temporary/parts/${list##*/}"
    done
    private=(
      -o Dir::Cache="$temporary/cache"
      -o Dir::Etc::SourceList=/dev/null
      -o Dir::Etc::SourceParts="$temporary/parts"
      -o Dir::State::Lists="$temporary/lists"
      -o APT::Sandbox::User=root
    )
    cd "$temporary/sources"
    quietly apt-get --quiet "${private[@]}" update || true
    quietly apt-get --quiet "${private[@]}" source --download-only "${missing[@]/%//bookworm}" ||
      die "could not fetch the sources of ${missing[*]}: see above."
    sha256sum --check --ignore-missing --quiet <<<"$pins" ||
      die "these are not the sources that third_party/debian.bzl names."
    mv -- *.orig.tar.* "$folder"
  )
}

# need_npm: the packages that tools/package-lock.json names.
need_npm() {
  [[ ! $root/tools/node_modules/.package-lock.json -nt $root/tools/package-lock.json ]] || return 0
  command -v npm >/dev/null || need_packages npm
  say "fetching npm packages"
  quietly npm ci --prefix "$root/tools" --ignore-scripts || die "could not fetch npm packages: see above."
}
