#!/bin/bash
# Debian's protoc, whose C++ for the fields of a oneof survives memory that runs
# out. It writes
#
#   set_has_f();
#   _impl_.o_.f_ = CreateMaybeMessage<T>(...);
#
# Where the second line throws, the message says that it has f, and its destructor
# frees whatever is there. Here the second line comes first.

set -euo pipefail

/usr/bin/protoc "$@"

out=""
for argument; do
  [[ $argument != --cpp_out=* ]] || out=${argument#--cpp_out=}
done
[[ -n $out ]] || exit 0
for argument; do
  header=$out/${argument%.proto}.pb.h
  [[ $argument == *.proto && $argument != -* && -e $header ]] || continue
  sed -i -E '/^ *set_has_\w+\(\);$/{N;s/^(.*)\n( *_impl_\.\w+\.\w+ = CreateMaybeMessage<.*)$/\2\n\1/}' "$header"
done
