"""The engine room: sending a request as an ordered list of small policies below requests' own seam.

Knows requests; knows neither Prefect nor the configuration. Import the module you need: this one loads nothing.
"""
