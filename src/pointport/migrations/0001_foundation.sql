-- Sites, contacts, accounts, transactions, imports.
--
-- Every primary key begins with site_id, so that Citus can distribute by it and row-level security can guard it.
-- Points are bigint, times are UTC, ids are made by the program. No triggers. Foreign keys stay within a site, and the
-- hot tables (account, transaction, import_row) have none: the parent row is joined and locked where they are written,
-- and `pointport ledger verify` proves it.

-- The role that a site's own transactions run as: it logs in nowhere, owns nothing, and sees the site named in the
-- setting pointport.site_id, or nothing when none is named. A role belongs to the whole server, so another database on
-- it may have made it already.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'pointport_site') THEN
        CREATE ROLE pointport_site NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
    -- We must be able to become it. Since PostgreSQL 16 whoever creates a role may grant it, yet not become it.
    BEGIN
        SET LOCAL ROLE pointport_site;
        SET LOCAL ROLE NONE;
    EXCEPTION WHEN insufficient_privilege THEN
        GRANT pointport_site TO current_user;
    END;
END
$$;

CREATE TABLE site (
    site_id uuid PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    is_default boolean NOT NULL,
    created_date timestamptz NOT NULL
);

CREATE TABLE api_key (
    site_id uuid NOT NULL REFERENCES site,
    id uuid NOT NULL,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    -- SHA-256 of the secret: the key itself is random and shown once, so a slow hash would guard nothing more.
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    scopes text[] NOT NULL CHECK (
        cardinality(scopes) > 0 AND scopes <@ ARRAY['imports', 'accounts:read', 'accounts:write', 'admin']
    ),
    created_date timestamptz NOT NULL,
    revoked_date timestamptz,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, secret_hash)
);

CREATE TABLE contact (
    site_id uuid NOT NULL REFERENCES site,
    id uuid NOT NULL,
    -- In normal form (ledger/addresses.py): two spellings of one address are one contact.
    email text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 320),
    first_name text NOT NULL CHECK (char_length(first_name) <= 100),
    last_name text NOT NULL CHECK (char_length(last_name) <= 100),
    revision bigint NOT NULL CHECK (revision >= 1),
    created_date timestamptz NOT NULL,
    updated_date timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    UNIQUE (site_id, email)
);

-- A contact has one account at the most, and its id is the contact's: one index finds it by either, and the order of
-- contacts is the order in which accounts are locked.
CREATE TABLE account (
    site_id uuid NOT NULL,
    id uuid NOT NULL,
    balance bigint NOT NULL CHECK (balance >= 0),
    earned bigint NOT NULL,
    adjusted bigint NOT NULL,
    redeemed bigint NOT NULL,
    expired bigint NOT NULL,
    revision bigint NOT NULL CHECK (revision >= 1),
    created_date timestamptz NOT NULL,
    updated_date timestamptz NOT NULL,
    last_activity_date timestamptz NOT NULL,
    PRIMARY KEY (site_id, id),
    CONSTRAINT account_balance_adds_up CHECK (balance = earned + adjusted - redeemed - expired)
)
-- Half of each page is left free, so that an update finds room beside the old version and no index changes.
WITH (fillfactor = 50);

-- The ledger: entries are added, never changed, never taken away.
CREATE TABLE transaction (
    site_id uuid NOT NULL,
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    -- The account's revision after this entry: an account's entries are numbered without holes or doubles.
    revision bigint NOT NULL CHECK (revision >= 2),
    transaction_type text NOT NULL CHECK (transaction_type IN ('EARN', 'REDEEM', 'ADJUST', 'REFUND', 'EXPIRE')),
    amount bigint NOT NULL CHECK (amount <> 0),
    amount_before bigint NOT NULL CHECK (amount_before >= 0),
    amount_after bigint NOT NULL CHECK (amount_after >= 0),
    description text NOT NULL CHECK (char_length(description) <= 100),
    created_date timestamptz NOT NULL,
    -- The cause: a line of an import, or a request known by its key.
    import_id uuid,
    line bigint CHECK (line >= 1),
    idempotency_key text CHECK (char_length(idempotency_key) BETWEEN 1 AND 256),
    PRIMARY KEY (site_id, account_id, revision),
    -- The id of an import's entry is made of the import's id and the line (ledger/transactions.py), so this is what
    -- makes it impossible, not just unlikely, that a row is applied twice.
    UNIQUE (site_id, id),
    CONSTRAINT transaction_amounts_add_up CHECK (amount_after = amount_before + amount),
    CONSTRAINT transaction_has_one_cause CHECK (
        (import_id IS NULL) = (line IS NULL) AND (import_id IS NULL) <> (idempotency_key IS NULL)
    )
);

CREATE UNIQUE INDEX transaction_idempotency_key ON transaction (site_id, idempotency_key)
WHERE idempotency_key IS NOT NULL;

CREATE TABLE loyalty_import (
    site_id uuid NOT NULL REFERENCES site,
    id uuid NOT NULL,
    revision bigint NOT NULL CHECK (revision >= 1),
    created_date timestamptz NOT NULL,
    updated_date timestamptz NOT NULL,
    status text NOT NULL,
    -- The status before this one: with it the database itself refuses a way that imports/status.py does not allow.
    status_before text,

    file_url text NOT NULL CHECK (char_length(file_url) BETWEEN 3 AND 10000),
    file_name text NOT NULL,
    file_bytes bigint NOT NULL CHECK (file_bytes >= 0),

    -- Found out by parsing.
    file_sha256 bytea CHECK (octet_length(file_sha256) = 32),
    header text[] CHECK (cardinality(header) BETWEEN 2 AND 100),
    sample_rows jsonb CHECK (jsonb_typeof(sample_rows) = 'array'),
    detected jsonb CHECK (jsonb_typeof(detected) = 'object'),
    parsed_row_count bigint CHECK (parsed_row_count >= 0),

    -- Chosen at execute.
    email_index integer CHECK (email_index >= 0),
    points_index integer CHECK (points_index >= 0 AND points_index <> email_index),
    job_id uuid,
    executed_date timestamptz,

    -- Progress: how many rows wait in import_ready (null until they are staged), how many of them are applied, and how
    -- many rows of the file have their outcome.
    ready_rows bigint CHECK (ready_rows >= 0),
    applied_rows bigint NOT NULL CHECK (applied_rows BETWEEN 0 AND coalesce(ready_rows, 0)),
    done_rows bigint NOT NULL CHECK (done_rows BETWEEN 0 AND coalesce(parsed_row_count, 0)),

    -- The result.
    success_count bigint CHECK (success_count >= 0),
    failure_count bigint CHECK (failure_count >= 0),
    error_file_path text,
    accounts_created bigint NOT NULL CHECK (accounts_created >= 0),
    accounts_changed bigint CHECK (accounts_changed >= 0),
    points_added bigint CHECK (points_added >= 0),
    points_removed bigint CHECK (points_removed >= 0),
    failure_reason text CHECK (char_length(failure_reason) BETWEEN 1 AND 1000),
    failure_message text CHECK (char_length(failure_message) <= 2000),
    finished_date timestamptz,
    erased_date timestamptz,

    PRIMARY KEY (site_id, id),
    CONSTRAINT loyalty_import_status_follows CHECK (
        (status = 'INITIATED' AND status_before IS NULL)
        OR (status = 'PARSING' AND status_before = 'INITIATED' AND status_before IS NOT NULL)
        OR (status = 'PARSED' AND status_before = 'PARSING' AND status_before IS NOT NULL)
        OR (status = 'IMPORTING' AND status_before = 'PARSED' AND status_before IS NOT NULL)
        OR (status = 'IMPORTED' AND status_before = 'IMPORTING' AND status_before IS NOT NULL)
        OR (
            status = 'FAILED'
            AND status_before IN ('PARSING', 'IMPORTING')
            AND status_before IS NOT NULL
        )
    ),
    CONSTRAINT loyalty_import_parsed_is_known CHECK (
        status NOT IN ('PARSED', 'IMPORTING', 'IMPORTED')
        OR (
            file_sha256 IS NOT NULL AND header IS NOT NULL AND sample_rows IS NOT NULL AND detected IS NOT NULL
            AND parsed_row_count IS NOT NULL
        )
    ),
    CONSTRAINT loyalty_import_mapping_is_whole CHECK (
        (email_index IS NULL) = (points_index IS NULL)
        AND (email_index IS NULL) = (job_id IS NULL)
        AND (email_index IS NULL) = (executed_date IS NULL)
        AND (status NOT IN ('IMPORTING', 'IMPORTED') OR email_index IS NOT NULL)
        AND (status NOT IN ('INITIATED', 'PARSING', 'PARSED') OR email_index IS NULL)
        AND (email_index IS NULL OR (email_index < cardinality(header) AND points_index < cardinality(header)))
    ),
    CONSTRAINT loyalty_import_counts_are_whole CHECK (
        (success_count IS NULL) = (failure_count IS NULL)
        AND (success_count IS NULL) = (accounts_changed IS NULL)
        AND (success_count IS NULL) = (points_added IS NULL)
        AND (success_count IS NULL) = (points_removed IS NULL)
        AND (status IN ('IMPORTED', 'FAILED') OR success_count IS NULL)
        AND (
            status <> 'IMPORTED'
            OR (
                success_count IS NOT NULL
                AND success_count + failure_count = parsed_row_count
                AND done_rows = parsed_row_count
                AND (error_file_path IS NOT NULL) = (failure_count > 0)
            )
        )
    ),
    CONSTRAINT loyalty_import_end_is_dated CHECK ((finished_date IS NOT NULL) = (status IN ('IMPORTED', 'FAILED'))),
    CONSTRAINT loyalty_import_failure_has_reason CHECK (
        (failure_reason IS NOT NULL) = (status = 'FAILED')
        AND (failure_message IS NOT NULL) = (status = 'FAILED')
    )
);

CREATE INDEX loyalty_import_created_date ON loyalty_import (site_id, created_date, id);
CREATE INDEX loyalty_import_updated_date ON loyalty_import (site_id, updated_date, id);
CREATE INDEX loyalty_import_status ON loyalty_import (site_id, status, id);
-- Few imports are on their way at any time; the sweep finds them without reading the rest.
CREATE INDEX loyalty_import_unfinished ON loyalty_import (site_id, updated_date)
WHERE status IN ('INITIATED', 'PARSING', 'IMPORTING');

-- What became of each row that has no transaction of its own; a row with one is IMPORTED, and the transaction says how.
-- No foreign key here either: a file may make a row for every line, and each is written under the lock of its import.
CREATE TABLE import_row (
    site_id uuid NOT NULL,
    import_id uuid NOT NULL,
    line bigint NOT NULL CHECK (line >= 1),
    outcome text NOT NULL CHECK (outcome IN ('UNCHANGED', 'FAILED', 'UNPROCESSED')),
    problem text,
    -- What the row's message needs beyond its cells: the other lines of a duplicate, the readings of a number.
    detail jsonb,
    email text,
    points bigint,
    PRIMARY KEY (site_id, import_id, line),
    CONSTRAINT import_row_failure_has_problem CHECK ((problem IS NOT NULL) = (outcome <> 'UNCHANGED'))
);

-- The two tables that a file passes through. Unlogged: after a crash of the server they are empty, and are filled from
-- the file again. Without row-level security, since PostgreSQL refuses COPY into a table that has it: they are reached
-- only by statements that name site and import.
CREATE UNLOGGED TABLE import_stage (
    site_id uuid NOT NULL,
    import_id uuid NOT NULL,
    line bigint NOT NULL,
    email text,
    points bigint,
    problem text,
    detail jsonb,
    PRIMARY KEY (site_id, import_id, line)
);

-- The rows in the order of their contacts: positions count from 1, so a chunk is a range of them and chunks never share
-- an account. A row with a problem stands in the order but is not applied.
CREATE UNLOGGED TABLE import_ready (
    site_id uuid NOT NULL,
    import_id uuid NOT NULL,
    position bigint NOT NULL,
    line bigint NOT NULL,
    contact_id uuid,
    email text NOT NULL,
    points bigint,
    problem text,
    -- Another row of the file has the same address.
    doubled boolean NOT NULL,
    PRIMARY KEY (site_id, import_id, position)
);

-- What happened, written in the transaction that made it happen, for whoever listens.
CREATE TABLE event (
    site_id uuid NOT NULL REFERENCES site,
    id uuid NOT NULL,
    event_type text NOT NULL,
    entity_id uuid NOT NULL,
    payload jsonb NOT NULL,
    created_date timestamptz NOT NULL,
    PRIMARY KEY (site_id, id)
);

-- Who did what: the key (or the operator at the machine) behind each change that a person asked for.
CREATE TABLE audit_entry (
    site_id uuid NOT NULL REFERENCES site,
    id uuid NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject_id uuid NOT NULL,
    created_date timestamptz NOT NULL,
    PRIMARY KEY (site_id, id)
);

CREATE INDEX audit_entry_subject ON audit_entry (site_id, subject_id, id);
