"""Reading a list page by page, without ever taking a part for the whole: the ways to page, and the rows."""

from txo_core.paginators.ends import Paging
from txo_core.paginators.pages import Fetch
from txo_core.paginators.rows import rows_of_pages
from txo_core.paginators.styles import Cursor, NextLink, Offset, PageNumber

__all__ = ["Cursor", "Fetch", "NextLink", "Offset", "PageNumber", "Paging", "rows_of_pages"]
