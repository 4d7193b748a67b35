"""The contract of the SOAP service, as WSDL 1.1 and XML Schema, document/literal wrapped."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

NAMESPACE = "urn:sandbox:customers:1"
OPERATIONS = ("GetCustomer", "ListCustomers", "CreateCustomer")
CUSTOMER_ELEMENTS = ("no", "name", "city", "postalCode", "email", "balance", "currency", "blocked", "createdOn")
NEW_CUSTOMER_ELEMENTS = ("no", "name", "city", "postalCode", "email", "currency", "externalId")

SCHEMA = f"""<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:tns="{NAMESPACE}"
  targetNamespace="{NAMESPACE}" elementFormDefault="qualified">
 <xsd:complexType name="Customer"><xsd:sequence>
  <xsd:element name="no" type="xsd:string"/>
  <xsd:element name="name" type="xsd:string"/>
  <xsd:element name="city" type="xsd:string" minOccurs="0"/>
  <xsd:element name="postalCode" type="xsd:string" minOccurs="0"/>
  <xsd:element name="email" type="xsd:string" minOccurs="0"/>
  <xsd:element name="balance" type="xsd:decimal" minOccurs="0"/>
  <xsd:element name="currency" type="xsd:string" minOccurs="0"/>
  <xsd:element name="blocked" type="xsd:boolean" minOccurs="0"/>
  <xsd:element name="createdOn" type="xsd:date" minOccurs="0"/>
 </xsd:sequence></xsd:complexType>
 <xsd:element name="GetCustomer"><xsd:complexType><xsd:sequence>
  <xsd:element name="no" type="xsd:string"/>
 </xsd:sequence></xsd:complexType></xsd:element>
 <xsd:element name="GetCustomerResponse"><xsd:complexType><xsd:sequence>
  <xsd:element name="customer" type="tns:Customer"/>
 </xsd:sequence></xsd:complexType></xsd:element>
 <xsd:element name="ListCustomers"><xsd:complexType><xsd:sequence>
  <xsd:element name="city" type="xsd:string" minOccurs="0"/>
 </xsd:sequence></xsd:complexType></xsd:element>
 <xsd:element name="ListCustomersResponse"><xsd:complexType><xsd:sequence>
  <xsd:element name="customer" type="tns:Customer" minOccurs="0" maxOccurs="unbounded"/>
 </xsd:sequence></xsd:complexType></xsd:element>
 <xsd:element name="CreateCustomer"><xsd:complexType><xsd:sequence>
  <xsd:element name="no" type="xsd:string" minOccurs="0"/>
  <xsd:element name="name" type="xsd:string"/>
  <xsd:element name="city" type="xsd:string" minOccurs="0"/>
  <xsd:element name="postalCode" type="xsd:string" minOccurs="0"/>
  <xsd:element name="email" type="xsd:string" minOccurs="0"/>
  <xsd:element name="currency" type="xsd:string" minOccurs="0"/>
  <xsd:element name="externalId" type="xsd:string" minOccurs="0"/>
 </xsd:sequence></xsd:complexType></xsd:element>
 <xsd:element name="CreateCustomerResponse"><xsd:complexType><xsd:sequence>
  <xsd:element name="customer" type="tns:Customer"/>
 </xsd:sequence></xsd:complexType></xsd:element>
 <xsd:element name="CustomerFault"><xsd:complexType><xsd:sequence>
  <xsd:element name="code" type="xsd:string"/>
  <xsd:element name="no" type="xsd:string" minOccurs="0"/>
 </xsd:sequence></xsd:complexType></xsd:element>
</xsd:schema>"""

IMPORTING_SCHEMA = """<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema">
 <xsd:import namespace="{namespace}" schemaLocation={location}/>
</xsd:schema>"""

MESSAGES = """ <wsdl:message name="{0}"><wsdl:part name="parameters" element="tns:{0}"/></wsdl:message>
 <wsdl:message name="{0}Response"><wsdl:part name="parameters" element="tns:{0}Response"/></wsdl:message>
"""
PORT_OPERATION = """  <wsdl:operation name="{0}">
   <wsdl:input message="tns:{0}"/><wsdl:output message="tns:{0}Response"/>
   <wsdl:fault name="CustomerFault" message="tns:CustomerFault"/>
  </wsdl:operation>
"""
BINDING_OPERATION = """  <wsdl:operation name="{0}">
   <soap:operation soapAction="{1}/{0}" style="document"/>
   <wsdl:input><soap:body use="literal"/></wsdl:input>
   <wsdl:output><soap:body use="literal"/></wsdl:output>
   <wsdl:fault name="CustomerFault"><soap:fault name="CustomerFault" use="literal"/></wsdl:fault>
  </wsdl:operation>
"""
WSDL = """<?xml version="1.0" encoding="utf-8"?>
<wsdl:definitions name="Customers" targetNamespace="{namespace}" xmlns:tns="{namespace}"
  xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
 <wsdl:types>{schema}</wsdl:types>
{messages} <wsdl:message name="CustomerFault"><wsdl:part name="fault" element="tns:CustomerFault"/></wsdl:message>
 <wsdl:portType name="CustomersPort">
{port_operations} </wsdl:portType>
 <wsdl:binding name="CustomersBinding" type="tns:CustomersPort">
  <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
{binding_operations} </wsdl:binding>
 <wsdl:service name="Customers"><wsdl:port name="Customers" binding="tns:CustomersBinding">
  <soap:address location={address}/>
 </wsdl:port></wsdl:service>
</wsdl:definitions>
"""


def wsdl(address: str, schema_location: str = "") -> str:
    """The WSDL of the service at that address; its schema inside, or imported from another place."""
    importing = IMPORTING_SCHEMA.format(namespace=NAMESPACE, location=quoteattr(schema_location))
    return WSDL.format(
        namespace=NAMESPACE,
        schema=importing if schema_location else SCHEMA,
        messages="".join(MESSAGES.format(name) for name in OPERATIONS),
        port_operations="".join(PORT_OPERATION.format(name) for name in OPERATIONS),
        binding_operations="".join(BINDING_OPERATION.format(name, NAMESPACE) for name in OPERATIONS),
        address=quoteattr(address),
    )
