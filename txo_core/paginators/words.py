"""The names under which APIs say how a list goes on, in bodies and headers.

Names are compared in small letters, without @, _, - and dots.
"""

from functools import lru_cache

BOXES = frozenset(
    {
        "meta", "metadata", "metainformation", "pagination", "paging", "page", "pageinfo", "pages", "info",
        "responsemetadata", "additionaldata", "cursors", "hits", "links", "d",
    }
)  # fmt: skip
"""Objects of a page in which APIs keep what they say about paging."""
HEADER_BOXES = ("X-Pagination", "Pagination", "X-Paging", "Paging-Headers")
"""Headers that hold such an object as JSON."""

CERTAIN_TOTALS = frozenset(
    {
        "odatacount", "totalcount", "totalelements", "totalitems", "totalrecords", "totalresults", "totalrows",
        "totalresources", "totalhits", "totalentries", "totalobjects", "fullresultsize", "totalsetsize",
    }
)  # fmt: skip
LIKELY_TOTALS = frozenset({"total", "count", "totalsize", "itemcount"})
TOTALS = CERTAIN_TOTALS | LIKELY_TOTALS
PAGE_COUNTS = frozenset({"pages", "totalpages", "lastpage", "pagecount", "numpages", "pagestotal"})
MORE_FLAGS = frozenset(
    {
        "more", "hasmore", "hasnext", "hasnextpage", "moreresults", "morerecords", "morerows", "istruncated",
        "hasmoreresults", "hasmorerecords", "hasmoreitems", "hasmorepages", "moreitemsincollection",
        "microsoftdynamicscrmmorerecords",
    }
)  # fmt: skip
LAST_FLAGS = frozenset({"last", "islast", "islastpage"})
FIRST_FLAGS = frozenset({"first", "isfirst", "isfirstpage"})
BEFORE_FLAGS = frozenset({"hasprevious", "hasprev", "haspreviouspage", "hasprevpage"})
WAYS_BACK = frozenset(
    {
        "prev", "previous", "prevpage", "previouspage", "prevlink", "previouslink", "prevurl", "previousurl",
        "prevpageurl", "previouspageurl", "previouspageuri",
    }
)  # fmt: skip
LINKS = frozenset(
    {
        "next", "nextlink", "odatanextlink", "nexturl", "nexturi", "nexthref", "nextpage", "nextpageurl",
        "nextpagelink", "nextpageuri", "nextpagehref", "nextrecordsurl",
    }
)  # fmt: skip
"""Under these names stands the address of the next page, or, with other APIs, its number or a cursor."""
WAYS_ON = LINKS | {
    "nextcursor", "nextpagetoken", "nexttoken", "nextmarker", "nextpagekey", "nextkey", "nextid", "nextposition",
    "continuationtoken", "nextcontinuationtoken", "continuation", "skiptoken", "nextskiptoken", "lastevaluatedkey",
    "scrollid",
}  # fmt: skip

IN_HEADERS = {
    **dict.fromkeys(("xtotal", "wptotal", "resultcount", "paginationcount"), "totalcount"),
    **{word: word for word in ("totalcount", "totalresults", "totalitems", "totalrecords", "totalpages", "pagecount")},
    "xpages": "totalpages",
    **{word: word for word in ("nextpage", "nextpageurl", "nextlink", "nexturl", "nextcursor", "nexttoken")},
    **{word: word for word in ("nextpagetoken", "continuationtoken", "continuation", "hasmore", "hasnext")},
    **dict.fromkeys(("nextpartitionkey", "nextrowkey", "nexttablename"), "continuation"),
}
"""What the end of a header's name says: of `X-WP-TotalPages` it is `totalpages`."""


@lru_cache(1024)
def plain(name: str) -> str:
    """Return a name as it is compared."""
    bare = "".join(character for character in name.casefold() if character.isalnum())
    # OData 4.01 may leave out `odata.`
    return f"odata{bare}" if name.startswith("@") and bare in ("count", "nextlink") else bare


@lru_cache(1024)
def word_of_header(name: str) -> str:
    """Return what a header speaks of; empty if it is nothing of paging."""
    parts = name.casefold().split("-")
    ends = ("".join(parts[at:]) for at in range(len(parts)))
    return next((IN_HEADERS[end] for end in ends if end in IN_HEADERS), "")
