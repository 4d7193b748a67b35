"""SOAP 1.1 envelopes: read without trusting them, and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from .schema import Row
from .soap_wsdl import CUSTOMER_ELEMENTS, NAMESPACE

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
PASSWORD_TEXT = "#PasswordText"  # noqa: S105  the name of a format


class SoapFault(Exception):
    """A SOAP Fault: whose fault it is (Client or Server), a sentence, a code and the customer it is about."""

    def __init__(self, who: str, message: str, code: str, no: str | None = None) -> None:
        super().__init__(message)
        self.who, self.message, self.code, self.no = who, message, code, no


@dataclass(frozen=True)
class Call:
    """One call: the operation, its arguments, and the user name and password of its header if there are any."""

    operation: str
    arguments: Mapping[str, str]
    username: str = ""
    password: str = ""


def read_envelope(body: bytes) -> Call:
    """The call in an envelope. Raises SoapFault if it is none; a document type is refused, entities never expand."""
    if b"<!DOCTYPE" in body:
        raise SoapFault("Client", "A document type declaration is not allowed.", "BadEnvelope")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise SoapFault("Client", f"The body is not well-formed XML: {error.msg}", "BadEnvelope") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise SoapFault("Client", "A document type declaration is not allowed.", "BadEnvelope")
    if root.tag != f"{{{SOAP}}}Envelope":
        raise SoapFault("VersionMismatch", "The body is not a SOAP 1.1 envelope.", "BadEnvelope")
    content = root.find(f"{{{SOAP}}}Body")
    calls = [] if content is None else [child for child in content if isinstance(child.tag, str)]
    if len(calls) != 1 or etree.QName(calls[0]).namespace != NAMESPACE:
        raise SoapFault("Client", f"The body must hold one call in the namespace {NAMESPACE}.", "BadEnvelope")
    arguments = {etree.QName(child).localname: child.text or "" for child in calls[0] if isinstance(child.tag, str)}
    return Call(etree.QName(calls[0]).localname, arguments, *_username_token(root))


def write_customers(operation: str, rows: Iterable[Row]) -> str:
    """The answer of an operation with these customers."""
    response = etree.Element(f"{{{NAMESPACE}}}{operation}Response", nsmap={None: NAMESPACE})
    for row in rows:
        customer = etree.SubElement(response, f"{{{NAMESPACE}}}customer")
        for name in CUSTOMER_ELEMENTS:
            if row.get(name) is not None:
                etree.SubElement(customer, f"{{{NAMESPACE}}}{name}").text = _text(row[name])
    return _envelope(response)


def write_fault(fault: SoapFault) -> str:
    """The answer that carries a fault."""
    element = etree.Element(f"{{{SOAP}}}Fault", nsmap={"soap": SOAP})
    etree.SubElement(element, "faultcode").text = f"soap:{fault.who}"
    etree.SubElement(element, "faultstring").text = fault.message
    detail = etree.SubElement(etree.SubElement(element, "detail"), f"{{{NAMESPACE}}}CustomerFault")
    etree.SubElement(detail, f"{{{NAMESPACE}}}code").text = fault.code
    if fault.no is not None:
        etree.SubElement(detail, f"{{{NAMESPACE}}}no").text = fault.no
    return _envelope(element)


def _envelope(content: Any) -> str:
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    etree.SubElement(envelope, f"{{{SOAP}}}Body").append(content)
    written: bytes = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    return written.decode()


def _username_token(root: Any) -> tuple[str, str]:
    token = root.find(f"{{{SOAP}}}Header/{{{WSSE}}}Security/{{{WSSE}}}UsernameToken")
    if token is None:
        return "", ""
    password = token.find(f"{{{WSSE}}}Password")
    if password is None or not password.get("Type", PASSWORD_TEXT).endswith(PASSWORD_TEXT):
        return "", ""
    return token.findtext(f"{{{WSSE}}}Username") or "", password.text or ""


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
