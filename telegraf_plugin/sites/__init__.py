"""A site added to the files, or taken out of them: texts in, new texts out, all else in them left byte for byte.

`addition` and `removal` say what belongs to a site; `queries_text`, `telegraf_text`, `settings_text` and `compose_text`
know how each file is written. Nothing here reads or writes a file: `commands.site_files` does.
"""
