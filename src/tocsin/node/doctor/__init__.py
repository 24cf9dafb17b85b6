"""`tocsin doctor`: one file per area, each of which says what is wrong there and how to mend it.

Nothing here makes, migrates or changes anything: databases are opened for reading alone.
"""
