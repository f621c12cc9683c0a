"""Runs every ```sql block of a document in DuckDB, from inside a run directory.

usage: query.py DOCUMENT RUN_DIRECTORY

A block passes when it runs and gives at least one row.
"""

import os
import re
import sys

import duckdb

document, run = sys.argv[1:3]
with open(document, encoding="utf-8") as file:
    blocks = re.findall(r"```sql\n(.*?)```", file.read(), flags=re.DOTALL)
if not blocks:
    sys.exit(f"{document} has no sql block")
os.chdir(run)
for block in blocks:
    result = duckdb.sql(block)
    rows = result.fetchall()
    print(block.strip())
    print(duckdb.sql(block))
    if not rows:
        sys.exit("the query gave no row")
print(f"{len(blocks)} passed, 0 failed")
