"""Repositories made from what Debian 12 provides."""

load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_archive")

# Upstream's tarballs as Debian keeps them. tools/setup.sh reads this table too:
# it fetches each one by its package name and checks it.
SOURCES = {
    "abseil_20220623.1.orig.tar.gz": "abfe2897f3a30edaa74bc34365afe3c2a3cd012091a97dc7e008f7016adcd5fe",
    "benchmark_1.7.1.orig.tar.gz": "6430e4092653380d9dc4ccb45a1e2dc9259d581f4866dc0759713126056bc1d7",
    "googletest_1.12.1.orig.tar.gz": "81964fe578e9bd7c94dfdb09c8e4d6e6759e19967e397dbea48d1c10e45d0df2",
    "protobuf_3.21.12.orig.tar.gz": "930c2c3b5ecc6c9c12615cf5ad93f1cd6e12d0aba862b572e076259970ac3a53",
}

def debian_source(name, archive, strip_prefix, build_file = None):
    """The sources of a Debian package.

    Args:
      name: the repository's name, as upstream has it.
      archive: file name of upstream's tarball, a key of SOURCES.
      strip_prefix: the folder inside of the tarball.
      build_file: the BUILD file; by default the one inside of the tarball.
    """
    http_archive(
        name = name,
        build_file = build_file,
        sha256 = SOURCES[archive],
        strip_prefix = strip_prefix,
        # No such host: the tarball is served from the folder that .bazelrc
        # names with --distdir, by the last part of this address.
        urls = ["https://run-tools-bazel-first.invalid/" + archive],
    )

def _debian_package_impl(ctx):
    multiarch = ctx.execute(["gcc", "-print-multiarch"]).stdout.strip()
    for link, target in ctx.attr.links.items():
        path = ctx.path(target.format(multiarch = multiarch))
        if not path.exists:
            fail("%s is missing: run Bazel as ./tools/bazel, which installs it." % path)
        ctx.symlink(path, link)
    ctx.symlink(ctx.attr.build_file, "BUILD")

debian_package = repository_rule(
    implementation = _debian_package_impl,
    attrs = {
        "build_file": attr.label(mandatory = True),
        "links": attr.string_dict(
            mandatory = True,
            doc = "Path in the repository: path on the system, where " +
                  "{multiarch} stands for the architecture's folder.",
        ),
    },
    doc = "Links the files of an installed package into a repository of its own. " +
          "Only what a library owns is linked: with /usr/include as an include " +
          "path, each library would see all the others.",
    local = True,
)

def _debian_rules_impl(ctx):
    ctx.execute(["cp", "-r", ctx.attr.path + "/.", "."])
    ctx.patch(ctx.attr.patch, strip = 1)

debian_rules = repository_rule(
    implementation = _debian_rules_impl,
    attrs = {
        "patch": attr.label(mandatory = True),
        "path": attr.string(mandatory = True),
    },
    doc = "A patched copy of Bazel rules that are installed as a package.",
)
