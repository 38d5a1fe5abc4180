"""A home: the directory that holds one DIP, and where everything is in it."""

from dataclasses import dataclass
from pathlib import Path

from opendip.domain.problems import Problem


class NoHome(Problem):
    """There is no DIP in a directory."""


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of a home; the database's are `opendip.store.embedded`'s."""

    directory: Path

    @property
    def settings_file(self) -> Path:
        return self.directory / "settings.toml"

    @property
    def authorities(self) -> Path:
        """Both authorities, with their keys and their revocation lists."""
        return self.directory / "authorities"

    @property
    def revocation_lists(self) -> tuple[Path, Path]:
        return self.authorities / "tls-ca.crl", self.authorities / "signing-ca.crl"

    @property
    def credentials(self) -> Path:
        """The DIP's own certificates, as `opendip.client.credentials` reads them."""
        return self.directory / "dip"

    def exists(self) -> bool:
        # The settings are written last, so where they are everything is.
        return self.settings_file.exists()


def get_home(directory: Path) -> Home:
    """The home in a directory; raises `NoHome` with what to do."""
    home = Home(directory)
    if not home.exists():
        raise NoHome(f"There is no DIP in {directory}. Make one: dip init --home {directory}")
    return home
