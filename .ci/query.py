"""Runs every ```sql block of a document in DuckDB, from inside a run directory.

usage: query.py DOCUMENT RUN_DIRECTORY

A query passes when it runs; a run without failures has no failed rows to list, so only one of them must give rows.
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
with_rows = 0
queries = [query.strip() for block in blocks for query in block.split(";") if query.strip()]
for query in queries:
    print(query)
    result = duckdb.sql(query)
    if result is None:  # a statement without rows, such as CREATE VIEW
        continue
    print(result)
    with_rows += bool(result.fetchall())
if not with_rows:
    sys.exit("no query gave a row")
print(f"{len(queries)} passed, 0 failed")
