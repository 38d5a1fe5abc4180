"""The market of the journeys: who takes part, in which roles, responsible for what. Everybody is fictitious."""

from collections.abc import Mapping
from pathlib import Path

DATA = "1400000011"
SUPPLIER = "2300000012"
OTHER_SUPPLIER = "2300000020"
DISTRIBUTOR = "2500000001"
BOTH = "2700000003"
"""A supplier that is a distributor too."""
SETTLEMENT = "1800000001"
SHAPING = "1900000001"
REGISTRATION = "2600000001"
METERING = "1200000015"
RETRIEVAL = "2800000004"
QUIET = "2300000038"
"""A supplier that has set no webhook."""
LAPSED = "2300000046"
"""A supplier whose role has ended, and whom the address book still names."""
REVOKED = "1400000029"
"""A data service whose signing certificate is revoked."""
FORMER = "1400000037"
"""A data service whose TLS certificate is revoked."""
PROVIDER = "1046217565"
"""The connection provider of DATA, for the role SDS alone."""
OTHER_PROVIDER = "1046217573"
"""A connection provider that acts for METERING alone."""

ROLES: Mapping[str, tuple[str, str, str]] = {
    DATA: ("Example Data Ltd", "EXDA", "[SDS, ADS]"),
    SUPPLIER: ("Example Supply Ltd", "EXSU", "[SUP]"),
    OTHER_SUPPLIER: ("Example Energy Ltd", "EXEN", "[SUP]"),
    DISTRIBUTOR: ("Example Wires Ltd", "EXWI", "[LDSO]"),
    BOTH: ("Example Utilities Ltd", "EXUT", "[SUP, LDSO]"),
    SETTLEMENT: ("Example Central Ltd", "EXMD", "[MDS]"),
    SHAPING: ("Example Central Ltd", "EXLS", "[LSS]"),
    REGISTRATION: ("Example Registers Ltd", "EXRG", "[REGS]"),
    METERING: ("Example Metering Ltd", "EXMT", "[MSS]"),
    RETRIEVAL: ("Example Retrieval Ltd", "EXRT", "[MDR]"),
    QUIET: ("Example Quiet Ltd", "EXQU", "[SUP]"),
    LAPSED: ("Example Lapsed Ltd", "EXLA", "[{role: SUP, from: 2020-01-01, to: 2025-01-01}]"),
    REVOKED: ("Example Revoked Ltd", "EXRV", "[SDS]"),
    FORMER: ("Example Former Ltd", "EXFO", "[SDS]"),
}
PROVIDERS: Mapping[str, tuple[str, str, str]] = {
    PROVIDER: ("Example Connections Ltd", DATA, "SDS"),
    OTHER_PROVIDER: ("Example Links Ltd", METERING, "MSS"),
}
RECEIVING = (
    *(DATA, SUPPLIER, OTHER_SUPPLIER, DISTRIBUTOR, BOTH, SETTLEMENT, SHAPING, REGISTRATION, METERING),
    RETRIEVAL,
)

MPANS = tuple(str(2000000000000 + 7 * n) for n in range(40))
"""SUPPLIER's, on DISTRIBUTOR's network."""
MOVED_MPAN = "2000000100000"
"""SUPPLIER's until MOVED_ON, OTHER_SUPPLIER's from then on."""
MOVED_ON = "2026-02-10"
BOTH_MPAN = "2000000100007"
QUIET_MPAN = "2000000100014"
LAPSED_MPAN = "2000000100021"
UNKNOWN_MPAN = "2000000999999"


def write_market(directory: Path, ports: Mapping[str, int]) -> Path:
    """The market file; whoever has a port has its webhooks there."""
    path = directory / "market.yaml"
    path.write_text("\n".join(["organisations:", *_list_organisations(ports), *_list_rest()]) + "\n")
    (directory / "addresses.csv").write_text("\n".join(["mpan,role,dip_id,from,to", *_list_addresses()]) + "\n")
    return path


def _list_organisations(ports: Mapping[str, int]) -> list[str]:
    names = dict.fromkeys(name for name, _, _ in ROLES.values())
    lines = []
    for name in names:
        lines += [f"  - name: {name}", "    participants:"]
        for dip_id, (owner, mpid, roles) in ROLES.items():
            if owner == name:
                lines.append(f'      - {{dip_id: "{dip_id}", mpid: {mpid}, roles: {roles}{_hook(ports.get(dip_id))}}}')
    return lines


def _hook(port: int | None) -> str:
    if port is None:
        return ""
    base = f"https://127.0.0.1:{port}"
    return f', webhooks: {{messages: "{base}/messages", status: "{base}/status"}}'


def _list_rest() -> list[str]:
    providers = [
        f'  - {{dip_id: "{dip_id}", organisation: {name}, for: "{for_dip_id}", roles: [{role}]}}'
        for dip_id, (name, for_dip_id, role) in PROVIDERS.items()
    ]
    return ["connection_providers:", *providers, "address_files: [addresses.csv]"]


def _list_addresses() -> list[str]:
    lines = []
    for mpan in MPANS:
        lines += [f"{mpan},SUP,{SUPPLIER},2020-01-01,", f"{mpan},LDSO,{DISTRIBUTOR},2020-01-01,"]
        lines.append(f"{mpan},REGS,{REGISTRATION},2020-01-01,")
    return [
        *lines,
        f"{MOVED_MPAN},SUP,{SUPPLIER},2020-01-01,{MOVED_ON}",
        f"{MOVED_MPAN},SUP,{OTHER_SUPPLIER},{MOVED_ON},",
        f"{BOTH_MPAN},SUP,{BOTH},2020-01-01,",
        f"{BOTH_MPAN},LDSO,{BOTH},2020-01-01,",
        f"{QUIET_MPAN},SUP,{QUIET},2020-01-01,",
        f"{LAPSED_MPAN},SUP,{LAPSED},2020-01-01,",
        f"{LAPSED_MPAN},LDSO,{DISTRIBUTOR},2020-01-01,",
    ]
