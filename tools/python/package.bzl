"""A Python package in bazel-bin, from modules and an extension."""

def _python_package_impl(ctx):
    folder = ctx.label.package + "/"
    outputs = []
    for source in ctx.files.srcs:
        output = ctx.actions.declare_file(source.short_path[len(folder):])
        ctx.actions.run_shell(
            inputs = [source],
            outputs = [output],
            command = 'cp "$1" "$2"',
            arguments = [source.path, output.path],
            mnemonic = "CopyModule",
            progress_message = "Copying %s" % source.short_path,
        )
        outputs.append(output)
    files = depset(outputs + ctx.files.extensions)
    return [DefaultInfo(files = files, runfiles = ctx.runfiles(transitive_files = files))]

# Puts `srcs`, which lie in this package, under the same paths into bazel-bin, where
# the `extensions` are made: a folder there is then a package that Python can import.
python_package = rule(
    implementation = _python_package_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = True),
        "extensions": attr.label_list(allow_files = [".so"]),
    },
)
