"""A stand-in for a customer's ERP: REST, OData, SOAP and OAuth on loopback, with faults on demand.

Start it with `python -m deployments.sandbox`.
"""
