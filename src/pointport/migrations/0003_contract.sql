-- What the rest of the contract needs: the program, what an entry is about, jobs over many accounts, and the ways in
-- by which queries are answered.

-- A site's loyalty program; every site has one from the start.
CREATE TABLE program (
    site_id uuid PRIMARY KEY REFERENCES site,
    name text NOT NULL CHECK (char_length(name) BETWEEN 2 AND 50),
    status text NOT NULL CHECK (status IN ('DRAFT', 'ACTIVE', 'PAUSED')),
    -- What points are called and their picture; null for the default.
    custom_name text CHECK (char_length(custom_name) BETWEEN 1 AND 20),
    icon jsonb CHECK (jsonb_typeof(icon) = 'object'),
    expiration_status text NOT NULL CHECK (expiration_status IN ('DISABLED', 'ENABLED')),
    months_of_inactivity integer NOT NULL CHECK (months_of_inactivity BETWEEN 1 AND 12),
    expiring_points_percentage integer NOT NULL CHECK (expiring_points_percentage BETWEEN 1 AND 100),
    revision bigint NOT NULL CHECK (revision >= 1),
    created_date timestamptz NOT NULL,
    updated_date timestamptz NOT NULL
);

INSERT INTO program (
    site_id, name, status, expiration_status, months_of_inactivity, expiring_points_percentage,
    revision, created_date, updated_date
)
SELECT
    site_id,
    'Loyalty Program' AS name,
    'ACTIVE' AS status,
    'DISABLED' AS expiration_status,
    12 AS months_of_inactivity,
    100 AS expiring_points_percentage,
    1 AS revision,
    created_date,
    created_date AS updated_date
FROM site;

-- What an entry is about, by its type: who gave it, what was bought or redeemed. Null for an adjustment of our own.
ALTER TABLE transaction ADD COLUMN info jsonb;
ALTER TABLE transaction ADD CONSTRAINT transaction_info_is_object CHECK (jsonb_typeof(info) = 'object');

-- Without the id behind it, since equal dates then share one entry of the index: a chunk of an import costs next to
-- nothing. The other fields that queries may name have no index here: four more made an import take 1.6 times as long.
CREATE INDEX transaction_created_date ON transaction (site_id, created_date);

-- None on balance, adjusted and last_activity_date: an index on them ends updates within the page, and an import in
-- which every balance changes takes twice as long. The other parts of a balance are changed by no import.
CREATE INDEX account_created_date ON account (site_id, created_date, id);
CREATE INDEX account_earned ON account (site_id, earned, id);
CREATE INDEX account_redeemed ON account (site_id, redeemed, id);
CREATE INDEX account_expired ON account (site_id, expired, id);

-- Queries compare and sort by code point (contract: `abc` comes after `XYZ`), and an index serves that which does too.
ALTER TABLE contact ALTER COLUMN email TYPE text COLLATE "C";
ALTER TABLE contact ALTER COLUMN first_name TYPE text COLLATE "C";
ALTER TABLE contact ALTER COLUMN last_name TYPE text COLLATE "C";
ALTER TABLE loyalty_import ALTER COLUMN status TYPE text COLLATE "C";
CREATE INDEX contact_created_date ON contact (site_id, created_date, id);
-- Without the id again: contacts come by the million, and share their names.
CREATE INDEX contact_first_name ON contact (site_id, first_name);
CREATE INDEX contact_last_name ON contact (site_id, last_name);

-- A change of many accounts that runs in the background.
CREATE TABLE async_job (
    site_id uuid NOT NULL REFERENCES site,
    id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('INITIALIZED', 'PROCESSING', 'FINISHED', 'FAILED')),
    -- The balance to set, or the amount to add.
    balance bigint CHECK (balance >= 0),
    amount bigint CHECK (amount <> 0),
    -- Which accounts: the caller's filter and free-text search, as they came.
    filter jsonb NOT NULL CHECK (jsonb_typeof(filter) = 'object'),
    search jsonb NOT NULL CHECK (jsonb_typeof(search) = 'object'),
    items_to_process bigint CHECK (items_to_process >= 0),
    items_succeeded bigint NOT NULL CHECK (items_succeeded >= 0),
    items_failed bigint NOT NULL CHECK (items_failed >= 0),
    -- The last account that is done; accounts are taken in the order of their ids.
    done_through uuid,
    failure_message text,
    created_date timestamptz NOT NULL,
    updated_date timestamptz NOT NULL,
    finished_date timestamptz,
    PRIMARY KEY (site_id, id),
    CONSTRAINT async_job_has_one_change CHECK ((balance IS NULL) <> (amount IS NULL)),
    CONSTRAINT async_job_items_are_counted CHECK (
        (items_to_process IS NULL) = (status = 'INITIALIZED')
        AND items_succeeded + items_failed <= coalesce(items_to_process, 0)
        AND (status <> 'FINISHED' OR items_succeeded + items_failed = items_to_process)
    ),
    CONSTRAINT async_job_end_is_dated CHECK ((finished_date IS NOT NULL) = (status IN ('FINISHED', 'FAILED'))),
    CONSTRAINT async_job_failure_has_message CHECK ((failure_message IS NOT NULL) = (status = 'FAILED'))
);

CREATE INDEX async_job_unfinished ON async_job (site_id, updated_date) WHERE status IN ('INITIALIZED', 'PROCESSING');

-- The accounts that a job is to change, settled when it begins; a problem says why one stayed as it was.
CREATE TABLE async_job_item (
    site_id uuid NOT NULL,
    job_id uuid NOT NULL,
    account_id uuid NOT NULL,
    problem text,
    PRIMARY KEY (site_id, job_id, account_id),
    FOREIGN KEY (site_id, job_id) REFERENCES async_job (site_id, id)
);

GRANT SELECT, INSERT, UPDATE ON program, async_job, async_job_item TO pointport_site;
GRANT DELETE ON contact TO pointport_site;

ALTER TABLE program ENABLE ROW LEVEL SECURITY;
CREATE POLICY program_own ON program TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE async_job ENABLE ROW LEVEL SECURITY;
CREATE POLICY async_job_own ON async_job TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE async_job_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY async_job_item_own ON async_job_item TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));
