"""
Load generator: server CPU per login, ours against Debian's FreeRADIUS, in the same minute.

Run `python -m bench --help`. Not part of the installed package.
"""
