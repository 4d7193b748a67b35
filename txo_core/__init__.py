"""The core of TXO: configuration, credentials, resilient REST and SOAP clients, files, results, run control.

Import the module you need (`from txo_core.api_factory import create_rest_api`); this one loads nothing.
"""
