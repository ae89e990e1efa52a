"""Canonical arithmetic, and routines compiled for each instruction set."""

load("@bazel_skylib//rules:write_file.bzl", "write_file")
load("@rules_cc//cc:defs.bzl", "cc_library")

# A fused multiply-add is spelled out where one is meant; the compiler must make
# none of its own, in whatever workspace this is built.
CANONICAL_COPTS = ["-ffp-contract=off"]

# The warnings of .bazelrc do not reach generated sources.
_COPTS = CANONICAL_COPTS + ["-O3", "-Wall", "-Wextra", "-Werror"]

_AVX2 = ["-mavx2", "-mfma"]

_AVX512 = _AVX2 + ["-mavx512f", "-mavx512cd", "-mavx512dq", "-mavx512bw"]

# The instruction sets, weakest first: the name in files, the name in C++, the
# architecture of xsimd that the routines are made for, and the options.
_ISAS = [
    ("scalar", "Scalar", "Scalar", []),
    ("avx2", "Avx2", "xsimd::fma3<xsimd::avx2>", _AVX2),
    # gcc 12 takes the undefined operands in its own AVX-512 header for mistakes.
    ("avx512", "Avx512", "xsimd::avx512bw", _AVX512 + [
        "-Wno-uninitialized",
        "-Wno-maybe-uninitialized",
    ]),
]

def _source(name, lines):
    write_file(
        name = name.replace(".", "_") + "_source",
        out = name,
        content = lines + [""],
    )

def kernel_library(name, table, impl_deps, deps = [], srcs = [], visibility = None):
    """A table of routines for each instruction set, made from one source.

    NAME.h defines the struct TABLE, whose first member is its `Isa isa` and whose
    other members are pointers to functions, and declares

        const TABLE* TABLEFor(Isa isa);

    which returns null for an instruction set that the machine or the build lacks.
    NAME_impl.h defines

        template <class Arch> struct TABLEOf { static constexpr TABLE Table(Isa); };

    in namespace rct::simd. Everything else is generated here: the source of each
    table, its compiler options, and the function that chooses.

    Args:
      name: the library, and the stem of its files.
      table: the name of the struct.
      impl_deps: the libraries that NAME_impl.h includes.
      deps: the libraries that NAME.h and `srcs` include.
      srcs: sources of the library beside the generated ones.
      visibility: of the library.
    """
    package = native.package_name()
    impl = name + "_impl"
    cc_library(
        name = impl,
        hdrs = [name + ".h", impl + ".h"],
        deps = impl_deps + ["//metric:isa"],
    )
    tables = name + "_tables.h"
    _source(tables, [
        "#include \"%s/%s.h\"" % (package, name),
        "namespace rct::simd {",
    ] + [
        "extern const %s k%s%s;" % (table, isa, table)
        for _, isa, _, _ in _ISAS
    ] + ["}  // namespace rct::simd"])
    for suffix, isa, arch, copts in _ISAS:
        source = "%s_%s.cc" % (name, suffix)
        _source(source, [
            "#include \"%s/%s.h\"" % (package, impl),
            "#include \"%s/%s\"" % (package, tables),
            "namespace rct::simd {",
            "const %s k%s%s = %sOf<%s>::Table(Isa::k%s);" %
            (table, isa, table, table, arch, isa),
            "}  // namespace rct::simd",
        ])
        cc_library(
            name = "%s_%s" % (name, suffix),
            srcs = [source, tables],
            copts = _COPTS + copts,
            target_compatible_with = ["@platforms//cpu:x86_64"] if copts else [],
            deps = [":" + impl],
        )
    _source(name + "_choice.cc", [
        "#include \"%s/%s\"" % (package, tables),
        "namespace rct {",
        "const %s* %sFor(Isa isa) {" % (table, table),
        "  if (!MachineHas(isa)) return nullptr;",
        "  switch (isa) {",
        "    case Isa::kScalar:",
        "      return &simd::kScalar%s;" % table,
        "#ifdef RCT_HAS_X86_ROUTINES",
        "    case Isa::kAvx2:",
        "      return &simd::kAvx2%s;" % table,
        "    case Isa::kAvx512:",
        "      return &simd::kAvx512%s;" % table,
        "#endif",
        "    default:",
        "      return nullptr;",
        "  }",
        "}",
        "}  // namespace rct",
    ])

    # The weakest comes first: where the compiler leaves a function out of line
    # the linker keeps the first copy.
    cc_library(
        name = name,
        srcs = srcs + [name + "_choice.cc", tables],
        hdrs = [name + ".h"],
        local_defines = select({
            "//metric:x86_64": ["RCT_HAS_X86_ROUTINES"],
            "//conditions:default": [],
        }),
        visibility = visibility,
        deps = [":" + impl, ":" + name + "_scalar", "//metric:isa"] + deps + select({
            "//metric:x86_64": [":" + name + "_avx2", ":" + name + "_avx512"],
            "//conditions:default": [],
        }),
    )
