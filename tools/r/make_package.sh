#!/bin/bash
# Makes the Debian package of the R package:
#
#   make_package.sh LIBRARY HEADER SOURCES OUT
#
# Times are DATE and owners are root. Two calls write other bytes all the same: R
# keeps the folder in which it was called in the indexes of its help and its code.

set -euo pipefail
library=$(realpath "$1")
header=$(realpath "$2")
sources=$(realpath "$3")
out=$(realpath -m "$4")
readonly DATE='2026-11-27 00:00:00 UTC'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
packages=usr/lib/R/site-library
mkdir -p "$work"/{include,lib} "$root/$packages" "$root/DEBIAN" "$root/usr/share/doc/r-cran-rct"
cp -L "$library" "$work/lib/librct.so.0"
ln -s librct.so.0 "$work/lib/librct.so"
cp -L "$header" "$work/include/rct.h"
cp -rL "$sources" "$work/rct"
chmod -R u+w "$work"

# R loads the package once to see that it works: hence the path of the library,
# which the package itself does not keep.
export HOME=$work LC_ALL=C.UTF-8 TZ=UTC
SOURCE_DATE_EPOCH=$(date --date="$DATE" +%s)
export SOURCE_DATE_EPOCH
export LD_LIBRARY_PATH=$work/lib RCT_CPPFLAGS=-I$work/include RCT_LIBS="-L$work/lib -lrct"
cd "$work"
R CMD INSTALL --built-timestamp="$DATE" --strip --library="$root/$packages" rct >install.log 2>&1 || {
  cat install.log >&2
  exit 1
}
strip --remove-section=.comment --remove-section=.note --strip-unneeded \
  "$root/$packages/rct/libs/rct.so"

field() { sed -n "s/^$1: //p" rct/DESCRIPTION; }
version=$(field Version)
maintainer='The rct maintainers <maintainers@rct.example>'
documents=$root/usr/share/doc/r-cran-rct
cat >"$documents/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: rct

Files: *
Copyright: the authors of rct
License: Apache-2.0

License: Apache-2.0
 On Debian systems, the full text of this license is in
 /usr/share/common-licenses/Apache-2.0.
END
gzip -9n >"$documents/changelog.Debian.gz" <<END
rct ($version-1) unstable; urgency=medium

  * Built from the project's own tree; its CHANGELOG.md says what is new.

 -- $maintainer  $(date --date="$DATE" --rfc-email)
END

cat >"$root/DEBIAN/control" <<END
Package: r-cran-rct
Source: rct
Version: $version-1
Architecture: $(dpkg --print-architecture)
Maintainer: $maintainer
Installed-Size: $(du -sk --apparent-size "$root/usr" | cut -f1)
Depends: libc6 (>= 2.4), librct0 (>= $version), r-api-4.0, r-base-core (>= $(Rscript -e 'cat(format(getRversion()))'))
Suggests: r-cran-tinytest
Section: gnu-r
Priority: optional
Description: exact nearest neighbors for Gaussian processes (GNU R package)
 For each of many points, rct finds the points that are most correlated with
 it under a Gaussian process, after what a low-rank part (inducing points)
 explains has been taken out, among all points or among earlier ones only. So
 it makes the conditioning sets of Vecchia approximations and of full-scale
 approximations. Answers are exact, and the same on every machine.
 .
 This package has the interface for GNU R.
END
chmod -R u=rwX,go=rX "$root"
find "$root/usr" -type f -exec chmod 644 {} +
(cd "$root" && find usr -type f -printf '%P\0' | LC_ALL=C sort -z | sed -z 's|^|usr/|' |
  xargs -0 md5sum >DEBIAN/md5sums)
dpkg-deb --root-owner-group --threads-max=1 -Zxz --build "$root" "$out" >/dev/null
