"""The market roles that take part through the DIP (E2E 3.3)."""

from collections.abc import Mapping

CONNECTION_PROVIDER = "DCP"

ROLES: Mapping[str, str] = {
    "SUP": "supplier",
    "MSA": "metering service, advanced",
    "MSS": "metering service, smart",
    "UMSO": "unmetered supplies operator",
    "ADS": "data service, advanced",
    "SDS": "data service, smart",
    "UMSDS": "data service, unmetered supplies",
    "MDR": "meter data retrieval",
    "REGS": "registration service",
    "LDSO": "distribution system operator",
    "CS": "central settlement",
    "MDS": "market-wide data service",
    "LSS": "load shaping service",
    "VAS": "volume allocation service",
    "ISD": "industry standing data",
    "EES": "electricity enquiry service",
    CONNECTION_PROVIDER: "connection provider",
}
"""Role id to what it is."""
