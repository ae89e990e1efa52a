"""Fuzz targets, each a test and a fuzzer."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

def fuzz_target(name, corpus, deps, mutations, generated = [], max_size = 65536, tags = []):
    """Links NAME_target.cc in two ways.

    Args:
      name: of the target.
      corpus: the folder of its inputs in `corpus`.
      deps: what the target calls.
      generated: targets that make files of that folder.
      mutations: the number of changes of each input that NAME_test tries.
      max_size: of an input, in bytes.
      tags: of the test.
    """
    cc_library(
        name = name + "_target",
        testonly = True,
        srcs = [name + "_target.cc"],
        deps = deps + [":target"],
        alwayslink = True,
    )
    cc_test(
        name = name + "_test",
        size = "small",
        args = [
            "--corpus=tools/fuzzing/corpus/" + corpus,
            "--mutations=%d" % mutations,
            "--max_size=%d" % max_size,
        ],
        data = native.glob(
            ["corpus/%s/*" % corpus],
            allow_empty = len(generated) > 0,
        ) + generated,
        tags = tags + ["fuzz"],
        deps = [
            ":driver",
            ":" + name + "_target",
        ],
    )

    # Built by tools/fuzz, under --config=fuzz alone.
    cc_binary(
        name = name + "_fuzzer",
        testonly = True,
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = [":" + name + "_target"],
    )
