"""The mutation gate: changes the code that decides, one small change at a time, and has the tests find each out.

sites    lists every place where a rule can change the code, with the change
sample   takes some of them, spread over modules, functions and kinds of change
trial    tries one in a copy of the tree: the nearest tests first, then the others that reach the module
equivalents   changes that no test can find out, each with the reason
"""
