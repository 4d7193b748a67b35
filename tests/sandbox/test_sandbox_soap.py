"""The sandbox's SOAP service, through zeep and by hand."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import zeep
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from tests.support.sandbox import API_KEY, PASSWORD, USERNAME, Sandbox
from tests.support.sandbox_caller import Caller

ENVELOPE = """<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>"""
LIST = '<ListCustomers xmlns="urn:sandbox:customers:1"/>'


def client(wsdl: str, session: requests.Session, wsse: object = None) -> Any:
    zeep_client: Any = zeep.Client
    transport: Any = Transport
    return zeep_client(wsdl, wsse=wsse, transport=transport(session=session))


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def service(erp: Sandbox, session: requests.Session) -> Any:
    session.headers["X-Api-Key"] = API_KEY
    return client(f"{erp.url}/soap/customers?wsdl", session).service


def post(call: Caller, body: str, **headers: str | None) -> requests.Response:
    return call.post("/soap/customers", data=body.encode(), headers={"Content-Type": "text/xml", **headers})


def test_zeep_reads_the_same_customers_as_rest(service: Any, call: Caller, erp: Sandbox) -> None:
    customer = service.GetCustomer(no="C0001")
    rest = call.get("customers('C0001')").json()
    assert (customer.name, customer.postalCode, float(customer.balance)) == (
        rest["name"],
        rest["postalCode"],
        rest["balance"],
    )
    assert len(service.ListCustomers()) == 42
    assert [each.no for each in service.ListCustomers(city="Hamburg")] == ["C0005"]
    assert erp.stats()["soap_calls"] == {"GetCustomer": 1, "ListCustomers": 2}


def test_zeep_creates_a_customer_that_rest_sees(service: Any, call: Caller, erp: Sandbox) -> None:
    assert service.CreateCustomer(name="<Seife & Söhne>", externalId="EXT-7").no == "C0043"
    assert call.get("customers('C0043')").json()["name"] == "<Seife & Söhne>"
    assert erp.stats()["creates"] == {"customers": {"EXT-7": 1}}


@pytest.mark.parametrize("no", ["C9999", "C0013", ""])
def test_an_unknown_customer_is_a_fault_with_status_500(service: Any, call: Caller, no: str) -> None:
    with pytest.raises(zeep.exceptions.Fault) as caught:
        service.GetCustomer(no=no)
    assert caught.value.code == "soap:Client"
    assert caught.value.message == f"The customer '{no}' does not exist."
    assert "CustomerNotFound" in "".join(caught.value.detail.itertext())
    assert call.get("/stats").json()["statuses"]["500"] == 1


def test_a_user_name_token_in_the_envelope_opens_the_service(erp: Sandbox, session: requests.Session) -> None:
    def customers(password: str) -> Any:
        username_token: Any = UsernameToken
        return client(f"{erp.url}/soap/customers?wsdl", session, username_token(USERNAME, password)).service

    assert customers(PASSWORD).GetCustomer(no="C0002").name == "Müller's Bäckerei"
    with pytest.raises(zeep.exceptions.TransportError, match="401"):
        customers("wrong").GetCustomer(no="C0002")
    assert "ws-security" in next(iter(erp.stats()["credentials"].values()))


def test_the_schema_can_be_imported_from_another_place(erp: Sandbox, session: requests.Session) -> None:
    session.headers["X-Api-Key"] = API_KEY
    wsdl = f"{erp.url}/soap/customers?wsdl&schema={erp.second_url}/soap/customers%3Fxsd"
    assert client(wsdl, session).service.GetCustomer(no="C0001").no == "C0001"


def test_without_credentials_it_is_a_401(call: Caller) -> None:
    assert post(call, ENVELOPE.format(LIST), **{"X-Api-Key": None}).status_code == 401
    assert post(call, "nonsense", **{"X-Api-Key": None}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonsense",
        "<a/>",
        ENVELOPE.format(""),
        ENVELOPE.format(LIST * 2),
        ENVELOPE.format("<ListCustomers/>"),
        ENVELOPE.format('<Explode xmlns="urn:sandbox:customers:1"/>'),
        ENVELOPE.format('<CreateCustomer xmlns="urn:sandbox:customers:1"/>'),
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + ENVELOPE.format(LIST),
    ],
)
def test_a_bad_envelope_is_a_fault(call: Caller, body: Any) -> None:
    answer = post(call, body)
    assert answer.status_code == 500
    assert "<faultstring>" in answer.text


def test_a_document_type_in_another_encoding_is_refused_too(call: Caller) -> None:
    body = '<!DOCTYPE x [<!ENTITY e "boom">]>' + ENVELOPE.format(LIST)
    answer = call.post("/soap/customers", data=body.encode("utf-16"))
    assert (answer.status_code, "document type" in answer.text) == (500, True)


def test_faults_on_demand_reach_soap_too(call: Caller, erp: Sandbox) -> None:
    erp.faults([{"match": {"path": "/soap/", "nth": [1]}, "fault": "status=503"}])
    assert [post(call, ENVELOPE.format(LIST)).status_code for _ in range(2)] == [503, 200]


def test_the_address_without_a_question_is_a_400(call: Caller) -> None:
    assert call.get("/soap/customers").status_code == 400
