"""Canonical arithmetic, and kernels compiled for each instruction set."""

load("@rules_cc//cc:defs.bzl", "cc_library")

# A fused multiply-add is spelled where one is meant; the compiler must make none
# of its own, in whatever workspace this is built.
CANONICAL_COPTS = ["-ffp-contract=off"]

_X86 = "@platforms//cpu:x86_64"

_AVX2 = ["-mavx2", "-mfma"]

_AVX512 = _AVX2 + ["-mavx512f", "-mavx512cd", "-mavx512dq", "-mavx512bw"]

def kernel_library(name, impl_deps, deps = [], visibility = None):
    """A table of functions for each instruction set, from the same source.

    Args:
      name: of the library: NAME.h is its header and NAME.cc the dispatch.
        NAME_impl.h holds the functions, templates over an architecture,
        NAME_tables.h declares the tables, and NAME_scalar.cc, NAME_avx2.cc and
        NAME_avx512.cc define one each.
      impl_deps: what NAME_impl.h needs.
      deps: what NAME.cc and NAME.h need.
      visibility: of the library.
    """
    impl = name + "_impl"
    cc_library(
        name = impl,
        hdrs = [name + ".h", name + "_impl.h", name + "_tables.h"],
        deps = impl_deps,
    )
    for isa, copts in {"scalar": [], "avx2": _AVX2, "avx512": _AVX512}.items():
        cc_library(
            name = name + "_" + isa,
            srcs = [name + "_" + isa + ".cc"],
            copts = CANONICAL_COPTS + ["-O3"] + copts,
            target_compatible_with = [_X86] if copts else [],
            deps = [":" + impl],
        )

    # The weakest comes first: where the compiler leaves a function out of line
    # the linker keeps the first copy.
    cc_library(
        name = name,
        srcs = [name + ".cc"],
        hdrs = [name + ".h"],
        local_defines = select({
            "//metric:x86_64": ["RCT_HAS_X86_ROUTINES"],
            "//conditions:default": [],
        }),
        visibility = visibility,
        deps = [":" + impl, ":" + name + "_scalar"] + deps + select({
            "//metric:x86_64": [":" + name + "_avx2", ":" + name + "_avx512"],
            "//conditions:default": [],
        }),
    )
