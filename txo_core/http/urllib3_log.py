"""What urllib3 writes to the log, without the queries of addresses and without the heads that it could not read."""

import logging
import re

LOGGERS = ("urllib3.connection", "urllib3.connectionpool", "urllib3.poolmanager", "urllib3.util.retry")
UNREAD = ", unparsed data: "
"""What stands before the part of a head that could not be read, and for which there is a traceback with the same."""
_QUERY = re.compile(r"\?[^\s\"'<>)]+")


def install() -> None:
    """Let no record of urllib3 go on as it was made, whoever uses it; calling it again changes nothing."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(without_queries)


def without_queries(record: logging.LogRecord) -> bool:
    """Take the queries out of the record, and let it pass; of a head that could not be read, all but the sentence."""
    text, unread, _ = record.getMessage().partition(UNREAD)
    record.msg, record.args = _QUERY.sub("?***", text), ()
    if unread:
        record.exc_info = record.exc_text = None
        vars(record).pop("txo_short_trace", None)
    return True
