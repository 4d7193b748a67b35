"""How data stands in files: tables, text formats, workbooks."""
