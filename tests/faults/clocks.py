"""The clocks of a DIP, stepped from outside: the processes' by a file, the database's by functions of its own.

`now()` and `clock_timestamp()` of this one database are replaced by functions that add a step; its search path has
them found first. So every query of the product, and every default of its tables, goes by the stepped clock.
"""

import struct
from pathlib import Path

from opendip.store.pool import Connection

_STEPPED = """
create table clock_step (by interval not null);
insert into clock_step values ('0');
create function public.now() returns timestamptz language sql stable as
    $$ select pg_catalog.now() + by from public.clock_step $$;
create function public.clock_timestamp() returns timestamptz language sql volatile as
    $$ select pg_catalog.clock_timestamp() + by from public.clock_step $$;
alter database dip set search_path = public, pg_catalog;
"""
_DEFAULTS = """
select a.attrelid::regclass::text as name, a.attname as field from pg_attrdef as d
join pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
join pg_class as c on c.oid = a.attrelid
where pg_get_expr(d.adbin, d.adrelid) = 'now()' and not c.relispartition
"""


class ProcessClock:
    """By how much the clock of the DIP's processes is wrong."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.step(0)

    def step(self, seconds: float) -> None:
        if not self.file.exists():
            self.file.write_bytes(bytes(8))
        # In place: the processes have it in their memory.
        with self.file.open("r+b") as file:
            file.write(struct.pack("d", seconds))


async def prepare_database_clock(connection: Connection) -> None:
    defaults = await connection.fetch(_DEFAULTS)
    await connection.execute(_STEPPED)
    for name, field in defaults:
        await connection.execute(f"alter table {name} alter {field} set default public.now()")


async def step_database_clock(connection: Connection, seconds: float) -> None:
    await connection.execute("update public.clock_step set by = make_interval(secs => $1)", seconds)
