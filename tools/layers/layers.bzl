"""A test that a target is refused by analysis."""

load("@bazel_skylib//lib:unittest.bzl", "analysistest", "asserts")

def _refused_impl(ctx):
    env = analysistest.begin(ctx)
    asserts.expect_failure(env, ctx.attr.message)
    return analysistest.end(env)

_refused_test = analysistest.make(
    _refused_impl,
    attrs = {"message": attr.string(mandatory = True)},
    expect_failure = True,
)

def refused_test(name, target, message):
    """Passes where the analysis of `target` fails with an error that has `message`."""
    _refused_test(name = name, target_under_test = target, message = message, size = "small")
