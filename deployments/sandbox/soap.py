"""The customers as a SOAP 1.1 service at `/soap/customers`, over the same rows as the REST API."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.routing import Route

from .credentials import is_authenticated, is_user, unauthorized
from .errors import bad_request
from .exchange import Answer, Exchange, text_answer
from .operations import HEADER_VALUE
from .routing import route
from .schema import Row
from .soap_envelope import Call, SoapFault, read_envelope, write_customers, write_fault
from .soap_wsdl import NEW_CUSTOMER_ELEMENTS, SCHEMA, wsdl
from .state import SandboxState
from .stats import fingerprint

XML = "text/xml; charset=utf-8"


class SoapService:
    """GetCustomer, ListCustomers and CreateCustomer."""

    def __init__(self, state: SandboxState) -> None:
        self.state = state
        self.operations: Mapping[str, Callable[[Mapping[str, str]], list[Row]]] = {
            "GetCustomer": self.get_customer,
            "ListCustomers": self.list_customers,
            "CreateCustomer": self.create_customer,
        }

    def routes(self) -> list[Route]:
        """The contract by GET, the calls by POST."""
        return [route("/soap/customers", self.contract), route("/soap/customers", self.call, "POST")]

    def contract(self, exchange: Exchange) -> Answer:
        """The WSDL for `?wsdl` (its schema imported from `?schema=URL` if that is given), the schema for `?xsd`."""
        asked = {name.lower() for name, _ in exchange.query}
        if "xsd" in asked:
            return text_answer(200, SCHEMA, XML)
        location = exchange.parameter("schema")
        if "wsdl" not in asked or not HEADER_VALUE.fullmatch(location):
            raise bad_request("Ask for ?wsdl or ?xsd, or POST a SOAP 1.1 envelope.")
        return text_answer(200, wsdl(exchange.origin + exchange.path, location), XML)

    def call(self, exchange: Exchange) -> Answer:
        """The answer of an operation, or its fault with status 500. Raises ApiProblem 401 without credentials."""
        authenticated = is_authenticated(exchange.headers, self.state.tokens)
        try:
            call = self._read(exchange)
            if not authenticated and not is_user(call.username, call.password):
                raise unauthorized()
            return text_answer(200, write_customers(call.operation, self._perform(call)), XML)
        except SoapFault as fault:
            if not authenticated and fault.code == "BadEnvelope":
                raise unauthorized() from fault
            return text_answer(500, write_fault(fault), XML)

    def _read(self, exchange: Exchange) -> Call:
        call = read_envelope(exchange.body)
        if call.username:
            seen = self.state.stats.credentials.setdefault(exchange.host, set())
            seen.add(("ws-security", fingerprint(f"{call.username}:{call.password}")))
        return call

    def _perform(self, call: Call) -> list[Row]:
        operation = self.operations.get(call.operation)
        if operation is None:
            raise SoapFault("Client", f"The operation {call.operation} is unknown.", "UnknownOperation")
        self.state.stats.soap_calls[call.operation] += 1
        return operation(call.arguments)

    def get_customer(self, arguments: Mapping[str, str]) -> list[Row]:
        """One customer by its number."""
        no = arguments.get("no", "")
        entity_set = self.state.store.entity_set("customers")
        if not entity_set.has(no):
            raise SoapFault("Client", f"The customer '{no}' does not exist.", "CustomerNotFound", no)
        return [entity_set.rows[no]]

    def list_customers(self, arguments: Mapping[str, str]) -> list[Row]:
        """All customers, or those of a city."""
        rows = self.state.store.entity_set("customers").rows.values()
        city = arguments.get("city")
        return [row for row in rows if not city or row["city"] == city]

    def create_customer(self, arguments: Mapping[str, str]) -> list[Row]:
        """A new customer, under its number or the next free one."""
        entity_set = self.state.store.entity_set("customers")
        name, no = arguments.get("name", ""), arguments.get("no") or entity_set.next_key()
        if not name:
            raise SoapFault("Client", "A customer needs a name.", "NameMissing", no)
        if entity_set.has(no):
            raise SoapFault("Client", f"The customer '{no}' exists already.", "CustomerExists", no)
        empty: Row = dict.fromkeys(entity_set.schema.properties)
        given = {element: arguments[element] for element in NEW_CUSTOMER_ELEMENTS if arguments.get(element)}
        row = entity_set.put(no, {**empty, "blocked": False, "balance": 0, "currency": "EUR", **given})
        self.state.stats.wrote("customers", "CreateCustomer", no)
        self.state.stats.created("customers", arguments.get("externalId") or name)
        return [row]
