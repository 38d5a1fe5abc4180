"""Who takes part in the market: organisations, participants, credentials, webhooks, the address book."""

from alembic import op

revision = "0001_market"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
    create table organisation (
        organisation_id int generated always as identity primary key,
        name text not null unique check (name <> '')
    );

    create table participant (
        dip_id text primary key check (dip_id ~ '^[0-9]{10}$'),
        organisation_id int not null references organisation,
        mpid text check (mpid ~ '^[A-Z]{4}$')
    );

    create table participant_role (
        dip_id text not null references participant,
        role text not null,
        starts_on date not null,
        ends_on date check (ends_on > starts_on),
        primary key (dip_id, role)
    );

    -- E2E 4.1: a participant's choice of a connection provider; no role means all of its roles.
    create table nomination (
        provider_dip_id text not null references participant,
        for_dip_id text not null references participant,
        role text,
        starts_on date not null,
        ends_on date check (ends_on > starts_on),
        unique nulls not distinct (provider_dip_id, for_dip_id, role, starts_on)
    );

    create table api_key (
        key_sha256 text primary key check (key_sha256 ~ '^[0-9a-f]{64}$'),
        dip_id text not null references participant,
        created_at timestamptz not null,
        revoked_at timestamptz
    );
    create index on api_key (dip_id);

    create table certificate (
        fingerprint text primary key check (fingerprint ~ '^[0-9a-f]{64}$'),
        purpose text not null check (purpose in ('tls', 'signing')),
        organisation_id int not null references organisation,
        dip_id text not null references participant,
        pem text not null,
        not_before timestamptz not null,
        not_after timestamptz not null,
        created_at timestamptz not null,
        revoked_at timestamptz
    );
    create index on certificate (dip_id, purpose);

    create table webhook (
        dip_id text not null references participant,
        channel text not null,
        url text not null check (url like 'https://%' and length(url) <= 2000),
        max_message_count int check (max_message_count > 0),
        max_payload_bytes bigint check (max_payload_bytes > 0),
        changed_at timestamptz not null,
        primary key (dip_id, channel)
    );

    -- The latest row that covers a day tells who is responsible for a metering point in a role on that day.
    -- The key carries all that a look-up needs, so a look-up reads the index alone.
    create table address (
        mpan bigint not null check (mpan between 0 and 9999999999999),
        role text not null,
        starts_on date not null,
        ends_on date check (ends_on > starts_on),
        dip_id text not null references participant,
        primary key (mpan, role, starts_on) include (ends_on, dip_id)
    );
    alter table address set (autovacuum_vacuum_insert_scale_factor = 0.02);

    -- Counts the changes of everything above but addresses: processes see from it that their picture is old.
    create table market_version (
        is_single boolean primary key default true check (is_single),
        version bigint not null,
        changed_in xid8
    ) with (fillfactor = 50);
    insert into market_version (version) values (1);

    -- Once a transaction, and not for an update that leaves the row as it was.
    create function raise_market_version() returns trigger language plpgsql as $$
    begin
        if tg_op = 'UPDATE' and old is not distinct from new then
            return null;
        end if;
        update market_version
        set version = version + 1, changed_in = pg_current_xact_id()
        where changed_in is distinct from pg_current_xact_id();
        return null;
    end $$;
    """)
    for table in (
        "organisation",
        "participant",
        "participant_role",
        "nomination",
        "api_key",
        "certificate",
        "webhook",
    ):
        op.execute(f"""
        create trigger raise_market_version after insert or update or delete on {table}
        for each row execute function raise_market_version();
        """)
