"""`data-collector report`: one HTML file that shows how complete central is, to be opened, printed or mailed.

`gather` asks (central, and each source how long it keeps its bucket), into `facts`; `calendar` decides what each hour
is called, pure; `charts` and `page` make HTML of the facts, in which `html` escapes all that is text; `command` is the
command line. Nothing of it is imported before it is asked for: the plugin counts its memory.
"""
