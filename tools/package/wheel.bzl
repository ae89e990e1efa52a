"""The wheel of the Python package."""

def _wheel_impl(ctx):
    # A folder, because the name of a wheel is made of what the build finds out: its
    # version and the systems on which it runs.
    out = ctx.actions.declare_directory(ctx.label.name)
    arguments = ctx.actions.args()
    arguments.add("-B")
    arguments.add(ctx.file._script)
    arguments.add(ctx.file.version_header, format = "--version_header=%s")
    arguments.add(ctx.file.license, format = "--license=%s")
    arguments.add_all([out], format_each = "--out=%s", expand_directories = False)
    arguments.add_all(ctx.files.package)
    ctx.actions.run(
        executable = "/usr/bin/python3",
        arguments = [arguments],
        inputs = ctx.files.package + [ctx.file._script, ctx.file.version_header, ctx.file.license],
        outputs = [out],
        mnemonic = "Wheel",
        progress_message = "Making a wheel",
        use_default_shell_env = True,
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

# Makes a folder of the rule's name with the wheel in it.
wheel = rule(
    implementation = _wheel_impl,
    attrs = {
        "license": attr.label(allow_single_file = True, mandatory = True),
        "package": attr.label(mandatory = True),
        "version_header": attr.label(allow_single_file = True, mandatory = True),
        "_script": attr.label(allow_single_file = True, default = ":make_wheel.py"),
    },
)
